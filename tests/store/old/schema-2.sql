BEGIN TRANSACTION;
CREATE TABLE artifacts (
	run INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	PRIMARY KEY (run, path)
)
 WITHOUT ROWID

;
INSERT INTO "artifacts" VALUES(1,'model/MLmodel','sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',3);
CREATE TABLE data (
	run INTEGER NOT NULL, 
	"key" BLOB NOT NULL, 
	seq INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	mode TEXT NOT NULL, 
	name TEXT NOT NULL, 
	context TEXT NOT NULL, 
	value TEXT NOT NULL, 
	profile BLOB, 
	PRIMARY KEY (run, "key")
)
 WITHOUT ROWID

;
CREATE TABLE deliveries (
	source TEXT NOT NULL, 
	upto INTEGER NOT NULL, 
	PRIMARY KEY (source)
)
 WITHOUT ROWID

;
INSERT INTO "deliveries" VALUES('j',9);
CREATE TABLE documents (
	digest BLOB NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (digest)
);
CREATE TABLE experiments (
	experiment_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	artifact_location TEXT NOT NULL, 
	lifecycle_stage TEXT NOT NULL, 
	creation_time INTEGER NOT NULL, 
	last_update_time INTEGER NOT NULL, 
	tags TEXT NOT NULL, 
	PRIMARY KEY (experiment_id)
);
INSERT INTO "experiments" VALUES('0','Default','','active',1795477956164,1795477956164,'{}');
INSERT INTO "experiments" VALUES('01a20ad3665073ce9e3e112ef59c924b','churn','','active',1795477956176,1795477956176,'{}');
CREATE TABLE facts (
	run INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	digest BLOB NOT NULL, 
	PRIMARY KEY (run, kind)
)
 WITHOUT ROWID

;
CREATE TABLE logged_model_files (
	model_id TEXT NOT NULL, 
	path TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	PRIMARY KEY (model_id, path)
)
 WITHOUT ROWID

;
CREATE TABLE logged_model_points (
	model_id TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	point TEXT NOT NULL, 
	PRIMARY KEY (model_id, seq)
)
 WITHOUT ROWID

;
CREATE TABLE logged_models (
	model_id TEXT NOT NULL, 
	experiment_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	model_type TEXT NOT NULL, 
	source_run_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	lifecycle_stage TEXT NOT NULL, 
	creation_time INTEGER NOT NULL, 
	last_update_time INTEGER NOT NULL, 
	params TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	PRIMARY KEY (model_id)
)
 WITHOUT ROWID

;
CREATE TABLE logs (
	run INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	timestamp INTEGER NOT NULL, 
	stream TEXT NOT NULL, 
	text BLOB NOT NULL, 
	PRIMARY KEY (run, seq)
);
CREATE TABLE metrics (
	run INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	value DOUBLE, 
	step INTEGER NOT NULL, 
	timestamp INTEGER NOT NULL, 
	count INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	tail INTEGER NOT NULL, 
	PRIMARY KEY (run, "key")
)
 WITHOUT ROWID

;
INSERT INTO "metrics" VALUES(1,'acc',0.75,1,2,2,1,2);
CREATE TABLE mlops_nb_state (
	id INTEGER NOT NULL, 
	schema INTEGER NOT NULL, 
	change INTEGER NOT NULL, 
	run_no INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "mlops_nb_state" VALUES(1,2,1,1);
CREATE TABLE model_changes (
	seq INTEGER NOT NULL, 
	model_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	action TEXT NOT NULL, 
	version INTEGER, 
	subject TEXT NOT NULL, 
	old TEXT NOT NULL, 
	new TEXT NOT NULL, 
	user_id TEXT NOT NULL, 
	time INTEGER NOT NULL, 
	why TEXT NOT NULL, 
	run_id TEXT, 
	forced INTEGER NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
CREATE TABLE model_tags (
	model_id TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	head TEXT NOT NULL, 
	text TEXT, 
	PRIMARY KEY (model_id, version, "key")
)
 WITHOUT ROWID

;
CREATE TABLE model_versions (
	model_id TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	run_id TEXT, 
	source TEXT NOT NULL, 
	path TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	description TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	status TEXT NOT NULL, 
	user_id TEXT NOT NULL, 
	creation_time INTEGER NOT NULL, 
	last_update_time INTEGER NOT NULL, 
	run_link TEXT NOT NULL, 
	logged_model TEXT NOT NULL, 
	PRIMARY KEY (model_id, version)
)
 WITHOUT ROWID

;
CREATE TABLE param_changes (
	run INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	timestamp INTEGER NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (run, "key", seq)
)
 WITHOUT ROWID

;
CREATE TABLE params (
	run INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	timestamp INTEGER NOT NULL, 
	number DOUBLE, 
	head TEXT NOT NULL, 
	text TEXT, 
	PRIMARY KEY (run, "key")
)
 WITHOUT ROWID

;
INSERT INTO "params" VALUES(1,'lr',1,0.1,'0.1',NULL);
CREATE TABLE points (
	run INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	count INTEGER NOT NULL, 
	chunk BLOB NOT NULL, 
	PRIMARY KEY (run, "key", seq)
);
INSERT INTO "points" VALUES(1,'acc',1,2,X'000202100000001000000010000000000000000000E03F000000000000E83F0000000000000000010000000000000001000000000000000100000000000000');
CREATE TABLE registered_models (
	model_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	aliases TEXT NOT NULL, 
	rules TEXT NOT NULL, 
	last_version INTEGER NOT NULL, 
	user_id TEXT NOT NULL, 
	creation_time INTEGER NOT NULL, 
	last_update_time INTEGER NOT NULL, 
	PRIMARY KEY (model_id)
);
CREATE TABLE runs (
	no INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	experiment_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	start_time INTEGER NOT NULL, 
	end_time INTEGER, 
	user_id TEXT NOT NULL, 
	lifecycle_stage TEXT NOT NULL, 
	parent_run_id TEXT, 
	notebook TEXT, 
	cell_id TEXT, 
	line TEXT, 
	revision INTEGER NOT NULL, 
	stage TEXT, 
	source_type TEXT NOT NULL, 
	changed INTEGER NOT NULL, 
	lease TEXT, 
	logged INTEGER NOT NULL, 
	deleted_time INTEGER, 
	params TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	metric_keys TEXT NOT NULL, 
	metric_values BLOB NOT NULL, 
	PRIMARY KEY (no)
);
INSERT INTO "runs" VALUES(1,'0198c2f4a1b27cde8f00112233445566','fit','01a20ad3665073ce9e3e112ef59c924b','FINISHED',1700000000000,1700000000500,'','active',NULL,NULL,NULL,NULL,1,NULL,'NOTEBOOK',1,NULL,0,NULL,'{"lr":0.1}','{}','["acc"]',X'000000000000E83F');
CREATE TABLE settings (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
)
 WITHOUT ROWID

;
CREATE TABLE sources (
	digest BLOB NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (digest)
);
CREATE TABLE tags (
	run INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	head TEXT NOT NULL, 
	text TEXT, 
	PRIMARY KEY (run, "key")
)
 WITHOUT ROWID

;
CREATE TABLE version_files (
	model_id TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	part TEXT NOT NULL, 
	path TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	PRIMARY KEY (model_id, version, part, path)
)
 WITHOUT ROWID

;
CREATE UNIQUE INDEX experiments_by_name ON experiments (name);
CREATE INDEX runs_by_name ON runs (name);
CREATE INDEX runs_by_line ON runs (line, revision) WHERE line IS NOT NULL;
CREATE INDEX runs_by_time ON runs (start_time DESC, run_id);
CREATE INDEX runs_open ON runs (status) WHERE status IN ('RUNNING', 'SCHEDULED');
CREATE UNIQUE INDEX runs_by_id ON runs (run_id);
CREATE INDEX runs_by_parent ON runs (parent_run_id) WHERE parent_run_id IS NOT NULL;
CREATE INDEX runs_by_change ON runs (changed);
CREATE INDEX runs_by_experiment ON runs (experiment_id, start_time DESC, run_id);
CREATE INDEX params_by_number ON params ("key", number, run);
CREATE INDEX params_by_text ON params ("key", head, run);
CREATE INDEX metrics_by_value ON metrics ("key", value, run);
CREATE INDEX tags_by_text ON tags ("key", head, run);
CREATE INDEX facts_by_digest ON facts (digest, kind, run);
CREATE INDEX artifacts_by_digest ON artifacts (digest);
CREATE INDEX data_by_profile ON data (profile);
CREATE INDEX data_by_name ON data (name, run);
CREATE INDEX data_by_digest ON data (digest);
CREATE UNIQUE INDEX models_by_name ON registered_models (name);
CREATE INDEX versions_by_run ON model_versions (run_id);
CREATE INDEX versions_by_digest ON model_versions (digest);
CREATE INDEX versions_by_time ON model_versions (last_update_time DESC, model_id, version);
CREATE INDEX version_files_by_digest ON version_files (digest);
CREATE INDEX model_tags_by_text ON model_tags ("key", head, model_id, version);
CREATE INDEX model_changes_by_model ON model_changes (model_id, seq);
CREATE INDEX model_changes_by_name ON model_changes (name, seq);
CREATE INDEX logged_models_by_experiment ON logged_models (experiment_id);
CREATE INDEX logged_files_by_digest ON logged_model_files (digest);
COMMIT;
