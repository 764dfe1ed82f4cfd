-- Receipts: files that partners must take out of their folders in time, and calls that must be answered in time. They are
-- acknowledgments of the levels `receipt` and `response`, of a delivery and not of a group.

create index expected_acknowledgment_receipt on expected_acknowledgment (partner_id)
    where level = 'receipt' and state in ('awaited', 'overdue');
