-- A deadline that is counted by a business calendar, as the profile says it: `4 business hours`. It cannot be added up
-- in SQL; null means `within_secs`.
alter table expected_acknowledgment add column due_rule text;
