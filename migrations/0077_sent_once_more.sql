-- What was not acknowledged in time is sent once more by its own mark: reminders are counted apart.
alter table expected_acknowledgment add column resent_at timestamptz;
update expected_acknowledgment set resent_at = coalesce(reminded_at, now()) where state = 'overdue' and reminders > 0;
