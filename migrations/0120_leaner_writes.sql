-- Parties are one expression here, so that this index is no way to look for one control number: it was taken for that
-- and read a partner's whole history.
drop index interchange_latest;
create index interchange_latest on interchange
    ((sender_qualifier || chr(31) || sender_id || chr(31) || receiver_qualifier || chr(31) || receiver_id),
     received_at desc);

-- Most acknowledgments have none of these numbers, and need no place among them.
drop index document_business_number;
create index document_business_number on document (kind, business_number) where business_number is not null;
drop index document_purchase_order_number;
create index document_purchase_order_number on document (purchase_order_number) where purchase_order_number is not null;
drop index document_order_number;
create index document_order_number on document (order_number) where order_number is not null;
drop index exception_purchase_order_number;
create index exception_purchase_order_number on exception (purchase_order_number)
    where purchase_order_number is not null;
drop index exception_order_number;
create index exception_order_number on exception (order_number) where order_number is not null;

-- Profile versions are never removed. To see each time that one is there, all who write at once locked the same row.
alter table document drop constraint document_profile_version_fkey;
alter table file drop constraint file_profile_version_fkey;

-- As with records: a third of the time for the same size.
do $$
begin
    alter table file alter column body set compression lz4;
exception when feature_not_supported then
    null;
end
$$;
