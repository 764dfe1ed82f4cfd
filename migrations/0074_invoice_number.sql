-- Invoices are found by their numbers in `document_number`, as all else is.
drop index invoice_number;
