BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE alerts (
	id INTEGER NOT NULL, 
	incident_id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	target TEXT NOT NULL, 
	shown INTEGER NOT NULL, 
	due_at BIGINT NOT NULL, 
	claimed_until BIGINT, 
	channel_id VARCHAR(64) NOT NULL, 
	ref VARCHAR(255) NOT NULL, 
	told INTEGER NOT NULL, 
	said VARCHAR(16) NOT NULL, 
	tries INTEGER NOT NULL, 
	error TEXT NOT NULL, 
	owed_at BIGINT, 
	posting BOOLEAN NOT NULL, 
	urgent BOOLEAN NOT NULL, 
	upto INTEGER NOT NULL, 
	grown INTEGER NOT NULL, 
	shown_at BIGINT, 
	rung INTEGER NOT NULL, 
	telling_at BIGINT, 
	tell_at BIGINT, 
	CONSTRAINT pk_alerts PRIMARY KEY (id), 
	CONSTRAINT fk_alerts_incident_id FOREIGN KEY(incident_id) REFERENCES incidents (id)
);
INSERT INTO "alerts" VALUES(1,1,'slack','#data-alerts',0,1795323641000000,NULL,'','',0,'',0,'',1795323641000000,0,0,0,0,NULL,0,NULL,NULL);
INSERT INTO "alerts" VALUES(2,2,'slack','#data-alerts',0,1795323641000000,NULL,'','',0,'',0,'',1795323641000000,0,0,0,0,NULL,0,NULL,NULL);
INSERT INTO "alerts" VALUES(3,3,'slack','#data-alerts',0,1795323641000000,NULL,'','',0,'',0,'',1795323641000000,0,0,0,0,NULL,0,NULL,NULL);
CREATE TABLE approvals (
	plan_id VARCHAR(32) NOT NULL, 
	standing VARCHAR(16) NOT NULL, 
	asked_at BIGINT NOT NULL, 
	second TEXT NOT NULL, 
	second_id VARCHAR(64) NOT NULL, 
	shown VARCHAR(16) NOT NULL, 
	channel_id VARCHAR(64) NOT NULL, 
	ref VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_approvals PRIMARY KEY (plan_id), 
	CONSTRAINT fk_approvals_plan_id FOREIGN KEY(plan_id) REFERENCES plans (id)
);
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	who_id VARCHAR(64) NOT NULL, 
	verb VARCHAR(32) NOT NULL, 
	argument TEXT NOT NULL, 
	allowed BOOLEAN NOT NULL, 
	outcome TEXT NOT NULL, 
	incident_id INTEGER, 
	plan_digest VARCHAR(32) NOT NULL, 
	deployment TEXT NOT NULL, 
	second TEXT NOT NULL, 
	second_id VARCHAR(64) NOT NULL, 
	break_glass BOOLEAN NOT NULL, 
	link TEXT NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
CREATE TABLE broken_glass (
	id INTEGER NOT NULL, 
	who TEXT NOT NULL, 
	who_id VARCHAR(64) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	began_at BIGINT NOT NULL, 
	until BIGINT NOT NULL, 
	ended_at BIGINT, 
	told VARCHAR(8) NOT NULL, 
	CONSTRAINT pk_broken_glass PRIMARY KEY (id)
);
CREATE TABLE entries (
	id INTEGER NOT NULL, 
	incident_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	what VARCHAR(32) NOT NULL, 
	text TEXT NOT NULL, 
	who TEXT NOT NULL, 
	who_id VARCHAR(64) NOT NULL, 
	detail JSON NOT NULL, 
	CONSTRAINT pk_entries PRIMARY KEY (id), 
	CONSTRAINT fk_entries_incident_id FOREIGN KEY(incident_id) REFERENCES incidents (id)
);
INSERT INTO "entries" VALUES(1,1,1795323641000000,'opened','sales.load[0] failed, ValueError','','','{}');
INSERT INTO "entries" VALUES(2,2,1795323641000000,'opened','dags/a.py: import error','','','{}');
INSERT INTO "entries" VALUES(3,2,1795323641000000,'resolved','Well again: dags/a.py','','','{}');
INSERT INTO "entries" VALUES(4,3,1795323641000000,'opened','x.load failed, ValueError','','','{}');
CREATE TABLE failures (
	"key" VARCHAR(32) NOT NULL, 
	deployment TEXT NOT NULL, 
	ended_at BIGINT NOT NULL, 
	told_at BIGINT, 
	"by" VARCHAR(8) NOT NULL, 
	CONSTRAINT pk_failures PRIMARY KEY ("key")
);
CREATE TABLE incidents (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	open_key VARCHAR(32), 
	deployment TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	severity VARCHAR(16) NOT NULL, 
	version INTEGER NOT NULL, 
	opened_at BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	resolved_at BIGINT, 
	page_at BIGINT, 
	body JSON NOT NULL, 
	CONSTRAINT pk_incidents PRIMARY KEY (id), 
	CONSTRAINT uq_incidents_open_key UNIQUE (open_key)
);
INSERT INTO "incidents" VALUES(1,'227727cd13c5beef7e4b732287202139','227727cd13c5beef7e4b732287202139','prod','open','error',4,1795323641000000,1795323641000000,NULL,NULL,'{"key": "group\u001fprod\u001fcause\u001f823b9e81f3a8", "signature": "823b9e81f3a8", "masked": "row is bad", "channel": "#data-alerts", "route": "root", "runbook": "", "times": 1, "last_holder": "", "resolved_by": "", "resolution": "", "mention": "", "family": "task", "exemplar": {"v": 1, "kind": "task_failed", "deployment": "prod", "occurred_at": "2026-11-22T05:00:41+00:00", "dag_id": "sales", "run_id": "scheduled__2026-11-22T05:00:00+00:00", "task_id": "load", "map_index": 3, "try_number": 1, "exception": {"type": "ValueError", "message": "row is bad", "traceback": ""}}, "reopened_at": null, "escalated_at": null, "holder": null, "held_at": null, "silence": null, "context": {}}');
INSERT INTO "incidents" VALUES(2,'7c01b93d8bc142d22e1adbf74eb8d2c2',NULL,'prod','resolved','error',2,1795323641000000,1795323641000000,1795323641000000,NULL,'{"key": "file\u001fprod\u001fdags/a.py", "signature": "eb00a422c807", "masked": "", "channel": "#data-alerts", "route": "root", "runbook": "", "times": 1, "last_holder": "", "resolved_by": "", "resolution": "", "mention": "", "family": "file", "exemplar": {"v": 1, "kind": "import_error", "deployment": "prod", "occurred_at": "2026-11-22T05:00:41+00:00", "file": "dags/a.py"}, "reopened_at": null, "escalated_at": null, "holder": null, "held_at": null, "silence": null, "context": {}}');
INSERT INTO "incidents" VALUES(3,'57548a05c038409f067305ac35a7ceec','57548a05c038409f067305ac35a7ceec','prod','open','error',1,1795323641000000,1795323641000000,NULL,NULL,'{"key": "group\u001fprod\u001fcause\u001f5161c8b36f37", "signature": "5161c8b36f37", "masked": "another", "channel": "#data-alerts", "route": "root", "runbook": "", "times": 1, "last_holder": "", "resolved_by": "", "resolution": "", "mention": "", "family": "task", "exemplar": {"v": 1, "kind": "task_failed", "deployment": "prod", "occurred_at": "2026-11-22T05:00:41+00:00", "dag_id": "x", "run_id": "scheduled__2026-11-22T05:00:00+00:00", "task_id": "load", "map_index": -1, "try_number": 1, "exception": {"type": "ValueError", "message": "another", "traceback": ""}}, "reopened_at": null, "escalated_at": null, "holder": null, "held_at": null, "silence": null, "context": {}}');
CREATE TABLE memory (
	"key" VARCHAR(200) NOT NULL, 
	value JSON NOT NULL, 
	CONSTRAINT pk_memory PRIMARY KEY ("key")
);
INSERT INTO "memory" VALUES('signals/observed','{"upto": 7}');
CREATE TABLE plans (
	id VARCHAR(32) NOT NULL, 
	incident_id INTEGER, 
	person_id VARCHAR(64) NOT NULL, 
	created_at BIGINT NOT NULL, 
	used_at BIGINT, 
	body JSON NOT NULL, 
	CONSTRAINT pk_plans PRIMARY KEY (id), 
	CONSTRAINT fk_plans_incident_id FOREIGN KEY(incident_id) REFERENCES incidents (id)
);
CREATE TABLE remediations (
	id INTEGER NOT NULL, 
	plan_id VARCHAR(32) NOT NULL, 
	incident_id INTEGER, 
	progress VARCHAR(16) NOT NULL, 
	version INTEGER NOT NULL, 
	asked_at BIGINT NOT NULL, 
	due_at BIGINT NOT NULL, 
	claimed_until BIGINT, 
	tries INTEGER NOT NULL, 
	answer TEXT NOT NULL, 
	began_at BIGINT, 
	ended_at BIGINT, 
	tally JSON NOT NULL, 
	steps INTEGER NOT NULL, 
	stopped_by TEXT NOT NULL, 
	channel_id VARCHAR(64) NOT NULL, 
	ref VARCHAR(64) NOT NULL, 
	shown INTEGER NOT NULL, 
	posting BOOLEAN NOT NULL, 
	backfill_id INTEGER NOT NULL, 
	CONSTRAINT pk_remediations PRIMARY KEY (id), 
	CONSTRAINT fk_remediations_incident_id FOREIGN KEY(incident_id) REFERENCES incidents (id), 
	CONSTRAINT fk_remediations_plan_id FOREIGN KEY(plan_id) REFERENCES plans (id), 
	CONSTRAINT uq_remediations_plan_id UNIQUE (plan_id)
);
CREATE TABLE set_aside (
	signal_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	error TEXT NOT NULL, 
	CONSTRAINT pk_set_aside PRIMARY KEY (signal_id)
);
CREATE TABLE silences (
	id INTEGER NOT NULL, 
	scope TEXT NOT NULL, 
	deployment TEXT NOT NULL, 
	until BIGINT NOT NULL, 
	"by" TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	CONSTRAINT pk_silences PRIMARY KEY (id)
);
CREATE TABLE subjects (
	id INTEGER NOT NULL, 
	incident_id INTEGER NOT NULL, 
	thing VARCHAR(32) NOT NULL, 
	run VARCHAR(32) NOT NULL, 
	family VARCHAR(16) NOT NULL, 
	deployment TEXT NOT NULL, 
	dag_id TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	task_id TEXT NOT NULL, 
	map_index INTEGER NOT NULL, 
	try_number INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	hostname TEXT NOT NULL, 
	source VARCHAR(64) NOT NULL, 
	failed_at BIGINT NOT NULL, 
	well_at BIGINT, 
	retrying BOOLEAN NOT NULL, 
	CONSTRAINT pk_subjects PRIMARY KEY (id), 
	CONSTRAINT fk_subjects_incident_id FOREIGN KEY(incident_id) REFERENCES incidents (id)
);
INSERT INTO "subjects" VALUES(1,1,'102ada08d76498ebbc5493cfd16caae3','8ba9e925ee752436c5db627568d022b9','task','prod','sales','scheduled__2026-11-22T05:00:00+00:00','load',0,1,'','','',1795323641000000,NULL,0);
INSERT INTO "subjects" VALUES(2,1,'cf0a451567748316ac29e7f364bc9b09','8ba9e925ee752436c5db627568d022b9','task','prod','sales','scheduled__2026-11-22T05:00:00+00:00','load',1,1,'','','',1795323641000000,NULL,0);
INSERT INTO "subjects" VALUES(3,1,'f358e0fcd81c8e51c5fcb08d60bebd91','8ba9e925ee752436c5db627568d022b9','task','prod','sales','scheduled__2026-11-22T05:00:00+00:00','load',2,1,'','','',1795323641000000,NULL,0);
INSERT INTO "subjects" VALUES(4,1,'3ca432b7a7ddd3765fc76006bf4b9480','8ba9e925ee752436c5db627568d022b9','task','prod','sales','scheduled__2026-11-22T05:00:00+00:00','load',3,1,'','','',1795323641000000,NULL,0);
INSERT INTO "subjects" VALUES(5,2,'7c01b93d8bc142d22e1adbf74eb8d2c2','','file','prod','','','',-1,0,'dags/a.py','','',1795323641000000,1795323641000000,0);
INSERT INTO "subjects" VALUES(6,3,'61047d091e375a428302af1df9f2c921','8e92d8b1312208c8aeb5b724a166fead','task','prod','x','scheduled__2026-11-22T05:00:00+00:00','load',-1,1,'','','',1795323641000000,NULL,0);
CREATE INDEX ix_audit_at ON audit (at);
CREATE INDEX ix_audit_incident_id_id ON audit (incident_id, id);
CREATE INDEX ix_audit_who_id_id ON audit (who_id, id);
CREATE INDEX ix_broken_glass_told ON broken_glass (told);
CREATE INDEX ix_failures_deployment_ended_at ON failures (deployment, ended_at);
CREATE INDEX ix_incidents_key_resolved_at ON incidents ("key", resolved_at);
CREATE INDEX ix_incidents_state_id ON incidents (state, id);
CREATE INDEX ix_silences_until ON silences (until);
CREATE INDEX ix_alerts_due_at ON alerts (due_at);
CREATE UNIQUE INDEX ix_alerts_incident_id_kind_target ON alerts (incident_id, kind, target);
CREATE INDEX ix_entries_incident_id_id ON entries (incident_id, id);
CREATE INDEX ix_subjects_dag_id_well_at ON subjects (dag_id, well_at);
CREATE INDEX ix_subjects_incident_id_dag_id ON subjects (incident_id, dag_id);
CREATE INDEX ix_subjects_run ON subjects (run);
CREATE INDEX ix_subjects_thing ON subjects (thing);
CREATE INDEX ix_approvals_standing ON approvals (standing);
CREATE INDEX ix_remediations_incident_id ON remediations (incident_id);
CREATE INDEX ix_remediations_progress_due_at ON remediations (progress, due_at);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
COMMIT;
