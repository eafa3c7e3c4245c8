-- The last word on whether a parcel is packed: when it was said, and the key of the scan that said it. A scan that was
-- made before it and arrives after it changes nothing, so scans may arrive in any order and more than once.
ALTER TABLE parcel ADD COLUMN acted_at INTEGER;
ALTER TABLE parcel ADD COLUMN act_key BLOB CHECK ((acted_at IS NULL) = (act_key IS NULL));
