-- A week of two partners, 2 to 8 November 2026 in Chicago (six hours behind UTC): what reports make of it is worked
-- out by hand in the files `week-*.csv` beside this one. The report is made on 10 November.

insert into file (id, direction, partner_id, channel, name, size_bytes, sha256, received_at, state, duplicate_of)
select
    ('00000000-0000-0000-0000-0000000000' || n)::uuid, direction, partner, channel, name, 1, sha256(name::bytea),
    at::timestamptz, state, ('00000000-0000-0000-0000-0000000000' || same)::uuid
from (values
    -- A minute before the week begins in Chicago.
    ('f1', 'inbound', 'north', 'north/edi', 'before.edi', '2026-11-02 05:59Z', 'processed', null),
    ('f2', 'inbound', 'north', 'north/edi', 'orders.edi', '2026-11-02 06:00Z', 'processed', null),
    -- 22:00 of the day before, in Chicago.
    ('f3', 'inbound', 'north', 'north/edi', 'odd.edi', '2026-11-03 04:00Z', 'quarantined', null),
    ('f4', 'inbound', 'north', 'north/edi', 'orders-again.edi', '2026-11-03 12:00Z', 'duplicate', 'f2'),
    ('f5', 'inbound', null, 'south/edi', 'stranger.edi', '2026-11-04 12:00Z', 'rejected', null),
    ('f6', 'outbound', 'north', 'north/edi', '940-11.edi', '2026-11-02 15:00Z', 'composed', null),
    ('f7', 'outbound', 'north', 'north/edi', '940-12.edi', '2026-11-03 15:00Z', 'composed', null),
    ('f8', 'outbound', 'south', 'south/edi', '940-21.edi', '2026-11-04 15:00Z', 'composed', null),
    ('f9', 'inbound', 'north', 'north/edi', '945-1.edi', '2026-11-04 15:00Z', 'processed', null),
    ('fa', 'inbound', 'south', 'south/edi', '945-2.edi', '2026-11-05 15:00Z', 'processed', null),
    ('fb', 'inbound', 'south', 'south/edi', '945-3.edi', '2026-11-07 15:00Z', 'processed', null)
) as v (n, direction, partner, channel, name, at, state, same);

insert into delivery (id, file_id, partner_id, channel, kind, target, idempotency_key, state, delivered_at)
select
    ('00000000-0000-0000-0000-0000000000' || replace(n, 'f', 'e'))::uuid,
    ('00000000-0000-0000-0000-0000000000' || n)::uuid, partner, partner || '/edi', 'file', n, n, 'delivered',
    at::timestamptz
from (values
    ('f6', 'north', '2026-11-02 15:10Z'),
    ('f7', 'north', '2026-11-03 15:00Z'),
    ('f8', 'south', '2026-11-04 15:05Z')
) as v (n, partner, at);

insert into job (id, kind, subject_id, state, finished_at)
select gen_random_uuid(), 'process', ('00000000-0000-0000-0000-0000000000' || n)::uuid, 'done', at::timestamptz
from (values
    ('f2', '2026-11-02 06:00:02Z'), ('f3', '2026-11-03 04:00:04Z'), ('f4', '2026-11-03 12:00:03Z'),
    ('f9', '2026-11-04 15:00:03Z'), ('fa', '2026-11-05 15:00:01Z'), ('fb', '2026-11-07 15:00:02Z')
) as v (n, at);

insert into document
    (id, file_id, ordinal, direction, partner_id, format, kind, order_number, validation, received_at, record_kind)
select
    ('00000000-0000-0000-0000-0000000000' || n)::uuid, ('00000000-0000-0000-0000-0000000000' || file)::uuid, ordinal,
    direction, partner, 'x12', kind, number, validation, at::timestamptz, record
from (values
    ('d1', 'f2', 1, 'inbound', 'north', '850', null, 'accepted', '2026-11-02 06:00Z', null),
    ('d2', 'f2', 2, 'inbound', 'north', '850', null, 'rejected', '2026-11-02 06:00Z', null),
    ('d3', 'f2', 3, 'inbound', 'north', '945', null, 'accepted_with_errors', '2026-11-02 06:00Z', null),
    ('a1', 'f6', 1, 'outbound', 'north', '940', 'A1', 'accepted', '2026-11-02 15:00Z', 'shipping_order'),
    ('a2', 'f6', 2, 'outbound', 'north', '940', 'A2', 'accepted', '2026-11-02 15:00Z', 'shipping_order'),
    ('a3', 'f7', 1, 'outbound', 'north', '940', 'A3', 'accepted', '2026-11-03 15:00Z', 'shipping_order'),
    ('a4', 'f7', 2, 'outbound', 'north', '940', 'A3', 'accepted', '2026-11-03 15:30Z', 'shipping_order'),
    ('a5', 'f7', 3, 'outbound', 'north', '940', 'A4', 'accepted', '2026-11-03 15:00Z', 'shipping_order'),
    ('b1', 'f8', 1, 'outbound', 'south', '940', 'B1', 'accepted', '2026-11-04 15:00Z', 'shipping_order'),
    ('c1', 'f9', 1, 'inbound', 'north', '945', 'A1', 'accepted', '2026-11-04 15:00Z', 'shipping_advice'),
    ('c2', 'fa', 1, 'inbound', 'south', '945', 'B1', 'accepted', '2026-11-05 15:00Z', 'shipping_advice'),
    ('c3', 'fb', 1, 'inbound', 'south', '945', 'B1', 'accepted', '2026-11-07 15:00Z', 'shipping_advice')
) as v (n, file, ordinal, direction, partner, kind, number, validation, at, record);

insert into expected_acknowledgment
    (id, partner_id, level, functional_id, group_control, interchange_control, test, file_id, delivery_id, created_at,
    within_secs, due_at, state, settled_at)
select
    ('00000000-0000-0000-0000-0000000000' || n)::uuid, partner, level, functional, number, number, test,
    ('00000000-0000-0000-0000-0000000000' || file)::uuid,
    ('00000000-0000-0000-0000-0000000000' || replace(file, 'f', 'e'))::uuid, sent::timestamptz, 86400,
    due::timestamptz, state, settled::timestamptz
from (values
    ('01', 'north', '997', 'OW', 11, false, 'f6', '2026-11-02 15:00Z', '2026-11-03 15:10Z', 'partially_accepted', '2026-11-02 17:10Z'),
    ('02', 'north', '997', 'OW', 12, false, 'f7', '2026-11-03 15:00Z', '2026-11-04 15:00Z', 'overdue', null),
    -- Twelve and a half hours late.
    ('03', 'south', '997', 'OW', 21, false, 'f8', '2026-11-04 15:00Z', '2026-11-05 15:05Z', 'accepted', '2026-11-06 03:35Z'),
    ('04', 'south', 'TA1', '', 21, false, 'f8', '2026-11-04 15:00Z', '2026-11-11 15:05Z', 'awaited', null),
    ('05', 'south', '997', 'OW', 22, true, 'f8', '2026-11-04 15:00Z', '2026-11-05 15:05Z', 'overdue', null)
) as v (n, partner, level, functional, number, test, file, sent, due, state, settled);

insert into expected_acknowledgment_set (expected_id, set_id, set_control, document_id, state)
select
    ('00000000-0000-0000-0000-0000000000' || n)::uuid, '940', control,
    ('00000000-0000-0000-0000-0000000000' || document)::uuid, state
from (values
    ('01', '0001', 'a1', 'accepted'), ('01', '0002', 'a2', 'rejected'), ('02', '0003', 'a3', 'overdue'),
    ('03', '0001', 'b1', 'accepted')
) as v (n, control, document, state);

insert into exception
    (id, kind, document_id, partner_id, message, evidence, state, first_seen_at, settled_at, owner)
values
    (gen_random_uuid(), 'acknowledgment_overdue', '00000000-0000-0000-0000-0000000000a3', 'north', 'late', '[]', 'open',
    '2026-11-04 16:00Z', null, 'bob'),
    (gen_random_uuid(), 'short_shipped', '00000000-0000-0000-0000-0000000000c1', 'north', 'short', '[]', 'settled',
    '2026-11-05 16:00Z', '2026-11-05 17:00Z', null);

insert into shipping_order
    (document_id, partner_id, received_at, order_number, purchase_order_number, purpose, ship_on, cancel_after,
    depositor_id, ship_to_name, record)
select
    ('00000000-0000-0000-0000-0000000000' || n)::uuid, partner, at::timestamptz, number, 'PO-' || number, purpose,
    ship_on::date, cancel_after::date, 'DEP', 'Store ' || number, '{}'
from (values
    ('a1', 'north', '2026-11-02 15:00Z', 'A1', 'original', '2026-11-05', null),
    -- Four days past on the 10th, and its cancel date is over.
    ('a2', 'north', '2026-11-02 15:00Z', 'A2', 'original', '2026-11-06', '2026-11-09'),
    -- Replaced half an hour later: what counts is the 13th.
    ('a3', 'north', '2026-11-03 15:00Z', 'A3', 'original', '2026-11-05', null),
    ('a4', 'north', '2026-11-03 15:30Z', 'A3', 'replacement', '2026-11-13', null),
    ('a5', 'north', '2026-11-03 15:00Z', 'A4', 'cancellation', '2026-11-05', null),
    ('b1', 'south', '2026-11-04 15:00Z', 'B1', 'original', '2026-11-06', null)
) as v (n, partner, at, number, purpose, ship_on, cancel_after);

insert into shipping_order_line (document_id, ordinal, line_number, sku, quantity, unit)
select ('00000000-0000-0000-0000-0000000000' || n)::uuid, ordinal, line, sku, quantity, unit
from (values
    ('a1', 1, '1', 'S1', 10, 'EA'), ('a1', 2, '2', 'S2', 5, 'EA'), ('a2', 1, '1', 'S1', 7.5, 'LB'),
    ('a3', 1, '1', 'S1', 1, 'EA'), ('a4', 1, '1', 'S1', 2, 'EA'), ('a4', 2, '2', 'S2', 1, 'CA'),
    ('b1', 1, '1', 'S1', 8, 'CA'), ('b1', 2, '2', 'S2', 2, 'CA')
) as v (n, ordinal, line, sku, quantity, unit);

insert into shipping_advice
    (document_id, partner_id, received_at, order_number, shipment_id, completeness, record)
select ('00000000-0000-0000-0000-0000000000' || n)::uuid, partner, at::timestamptz, number, shipment, said, '{}'
from (values
    ('c1', 'north', '2026-11-04 15:00Z', 'A1', 'SH1', 'full_detail'),
    ('c2', 'south', '2026-11-05 15:00Z', 'B1', 'SH2', 'partial'),
    ('c3', 'south', '2026-11-07 15:00Z', 'B1', 'SH3', 'partial')
) as v (n, partner, at, number, shipment, said);

-- Two of five are short on A1; B1 comes in two shipments, and its second line in eaches where cases were ordered.
insert into shipping_advice_line (document_id, ordinal, pack, line_number, sku, quantity_shipped, unit)
select ('00000000-0000-0000-0000-0000000000' || n)::uuid, ordinal, 1, line, sku, quantity, unit
from (values
    ('c1', 1, '1', 'S1', 10, 'EA'), ('c1', 2, null, 'S2', 3, 'EA'), ('c2', 1, '1', 'S1', 4, 'CA'),
    ('c3', 1, '1', 'S1', 4, 'CA'), ('c3', 2, '2', 'S2', 24, 'EA')
) as v (n, ordinal, line, sku, quantity, unit);

-- One that has not come, one that came six hours late, one that is not due yet, one that was not needed.
insert into expected_document
    (id, partner_id, document_id, after_kind, record_kind, after, document, ours, number_kind, number, raw, asked_at,
    due_at, state, settled_at)
select
    ('00000000-0000-0000-0000-0000000000' || n)::uuid, partner, ('00000000-0000-0000-0000-0000000000' || document)::uuid,
    'shipping_order', 'shipping_advice', '940', '945', ours, 'order', number, number, asked::timestamptz,
    due::timestamptz, state, settled::timestamptz
from (values
    ('01', 'north', 'a1', false, 'A1', '2026-11-02 15:00Z', '2026-11-04 15:00Z', 'overdue', null),
    ('02', 'north', 'a2', true, 'A2', '2026-11-02 15:00Z', '2026-11-04 15:00Z', 'came_late', '2026-11-04 21:00Z'),
    ('03', 'south', 'b1', false, 'B1', '2026-11-04 15:00Z', '2026-11-30 15:00Z', 'awaited', null),
    ('04', 'south', 'b1', false, 'B2', '2026-11-02 15:00Z', '2026-11-04 15:00Z', 'not_needed', '2026-11-05 15:00Z')
) as v (n, partner, document, ours, number, asked, due, state, settled);
