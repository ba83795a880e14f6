-- Keys and certificates of clients, and how a client authenticates that has no secret. Both are JSON
-- text, as secrets are; of a key there is only the public half.

ALTER TABLE clients ADD COLUMN credentials TEXT NOT NULL DEFAULT '[]';
ALTER TABLE clients ADD COLUMN authentication TEXT;
