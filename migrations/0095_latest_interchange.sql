-- The interchange of two parties that came last: a number below its own is worth a word.
create index interchange_latest on interchange
    (sender_qualifier, sender_id, receiver_qualifier, receiver_id, received_at desc);
