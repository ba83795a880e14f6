-- What was only kept before counts from now on. Of an API it is one JSON text, NULL when its tokens
-- are never bound; of a client a truth value, NULL when nobody said.

ALTER TABLE apis ADD COLUMN proof_of_possession TEXT;
ALTER TABLE clients ADD COLUMN require_proof_of_possession BIGINT;

UPDATE apis SET proof_of_possession = json_object(
    'mechanism', json_extract(kept_fields, '$.proof_of_possession.mechanism'),
    'required', json(CASE json_extract(kept_fields, '$.proof_of_possession.required')
        WHEN 1 THEN 'true' ELSE 'false' END),
    'required_for', CASE
        WHEN json_extract(kept_fields, '$.proof_of_possession.required_for')
            IN ('public_clients', 'all_clients')
        THEN json_extract(kept_fields, '$.proof_of_possession.required_for') END)
WHERE kept_fields LIKE '%"proof_of_possession"%' AND json_valid(kept_fields)
    AND json_extract(kept_fields, '$.proof_of_possession.mechanism') IN ('mtls', 'dpop');
UPDATE apis SET kept_fields = json_remove(kept_fields, '$.proof_of_possession')
WHERE kept_fields LIKE '%"proof_of_possession"%' AND json_valid(kept_fields);

UPDATE clients SET
    require_proof_of_possession = json_extract(kept_fields, '$.require_proof_of_possession')
WHERE kept_fields LIKE '%"require_proof_of_possession"%' AND json_valid(kept_fields)
    AND json_type(kept_fields, '$.require_proof_of_possession') IN ('true', 'false');
UPDATE clients SET kept_fields = json_remove(kept_fields, '$.require_proof_of_possession')
WHERE kept_fields LIKE '%"require_proof_of_possession"%' AND json_valid(kept_fields);
