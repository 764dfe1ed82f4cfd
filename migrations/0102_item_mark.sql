-- A number that stands for an item and its unit, so that quantities times it add up to one mark of an order. Not immutable,
-- as what it is made of is not: else it is called for each line and not written into the statement.
create function item_mark(gtin text, sku text, buyer_item text, unit text) returns bigint
    language sql stable parallel safe
    return hashtextextended(concat_ws(' ', coalesce(gtin, sku, buyer_item), unit), 0);
