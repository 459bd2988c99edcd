-- breaking: no. Which fact of its earliest receipt describes a study or series: a later one knows what coercion made of the attributes.
ALTER TABLE studies ADD COLUMN described_order text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN described_order text COLLATE "C" NOT NULL DEFAULT '';
