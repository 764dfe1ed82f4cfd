-- The days that a service bill names, so that others for the same days are found.
alter table invoice add column period_from date;
alter table invoice add column period_to date;
update invoice i set period_from = p.period_from, period_to = p.period_to from (
    select document_id,
        (select (d.date ->> 'on')::date from jsonb_array_elements(record::jsonb -> 'dates') with ordinality as d (date, place)
            where d.date ->> 'kind' in ('service_period_start', '150', '186', '193') order by place limit 1) as period_from,
        (select (d.date ->> 'on')::date from jsonb_array_elements(record::jsonb -> 'dates') with ordinality as d (date, place)
            where d.date ->> 'kind' in ('service_period_end', '151', '187', '194') order by place limit 1) as period_to
    from invoice) p
where p.document_id = i.document_id and p.period_from <= p.period_to;
create index invoice_period on invoice (partner_id, period_to, period_from) where period_from is not null;
