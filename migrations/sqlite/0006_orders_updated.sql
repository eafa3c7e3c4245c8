-- Without the id at its end. PostgreSQL plans the foreign keys' look-ups of an order once, while the table is still small
-- and unknown to it; then an index that has both the village and the id in it looks as good as the primary key, and each
-- look-up reads the whole of the village in it.
DROP INDEX orders_updated;
CREATE INDEX orders_updated ON orders (village_id, updated_at);
