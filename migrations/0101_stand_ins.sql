-- What stands in for others is seldom: what is counted looks for it by its sender.
create index shipping_advice_stands_in on shipping_advice (partner_id) where completeness = 'replacement';
create index stock_receipt_stands_in on stock_receipt (partner_id) where kind in ('replacement', 'cancellation');
