BEGIN TRANSACTION;
CREATE TABLE identities (
	identity VARCHAR(32) NOT NULL, 
	told_at BIGINT NOT NULL, 
	bare BOOLEAN NOT NULL, 
	CONSTRAINT pk_identities PRIMARY KEY (identity)
)
 WITHOUT ROWID

;
INSERT INTO "identities" VALUES('18d0cb647cdeca624b0fdf565772e3ff',1795690030331201,0);
INSERT INTO "identities" VALUES('20ed4fee2ca8ec5fe7149aff5a566c82',1795690030342486,0);
INSERT INTO "identities" VALUES('5403b944796fd04d4d44494ed848fed9',1795690030331201,0);
INSERT INTO "identities" VALUES('5a9e2967ac0cd624feb410e2e9658a89',1795690030342486,0);
INSERT INTO "identities" VALUES('6417e859c1c3c258d39f2f97e7624b80',1795690030331201,0);
INSERT INTO "identities" VALUES('75d7348c3a1c0884259d2684d8d8026d',1795690030342486,0);
INSERT INTO "identities" VALUES('8fcb988bac2b43746ddb2337584700ae',1795690030331201,0);
INSERT INTO "identities" VALUES('988d5faba66fdb8530f856debd4259ca',1795690030342486,0);
INSERT INTO "identities" VALUES('b4b2d945348f3c97921ccb8a42573645',1795690030342486,0);
INSERT INTO "identities" VALUES('c66ecd564592154741e44bb48f86562b',1795690030331201,0);
CREATE TABLE signals (
	id INTEGER NOT NULL, 
	received_at BIGINT NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	deployment TEXT NOT NULL, 
	body JSON NOT NULL, 
	again BOOLEAN NOT NULL, 
	CONSTRAINT pk_signals PRIMARY KEY (id)
);
INSERT INTO "signals" VALUES(1,1795690030331201,'task_failed','prod','{"v":1,"kind":"task_failed","deployment":"prod","occurred_at":"2026-11-22T05:00:41+00:00","dag_id":"sales","run_id":"scheduled__2026-11-22T05:00:00+00:00","task_id":"load","map_index":0,"try_number":1,"exception":{"type":"ValueError","message":"row is bad","traceback":""}}',0);
INSERT INTO "signals" VALUES(2,1795690030331201,'task_failed','prod','{"v":1,"kind":"task_failed","deployment":"prod","occurred_at":"2026-11-22T05:00:41+00:00","dag_id":"sales","run_id":"scheduled__2026-11-22T05:00:00+00:00","task_id":"load","map_index":1,"try_number":1,"exception":{"type":"ValueError","message":"row is bad","traceback":""}}',0);
INSERT INTO "signals" VALUES(3,1795690030331201,'task_failed','prod','{"v":1,"kind":"task_failed","deployment":"prod","occurred_at":"2026-11-22T05:00:41+00:00","dag_id":"sales","run_id":"scheduled__2026-11-22T05:00:00+00:00","task_id":"load","map_index":2,"try_number":1,"exception":{"type":"ValueError","message":"row is bad","traceback":""}}',0);
INSERT INTO "signals" VALUES(4,1795690030331201,'task_failed','prod','{"v":1,"kind":"task_failed","deployment":"prod","occurred_at":"2026-11-22T05:00:41+00:00","dag_id":"sales","run_id":"scheduled__2026-11-22T05:00:00+00:00","task_id":"load","map_index":3,"try_number":1,"exception":{"type":"ValueError","message":"row is bad","traceback":""}}',0);
INSERT INTO "signals" VALUES(5,1795690030331201,'import_error','prod','{"v":1,"kind":"import_error","deployment":"prod","occurred_at":"2026-11-22T05:00:41+00:00","file":"dags/a.py"}',0);
INSERT INTO "signals" VALUES(6,1795690030331201,'import_fixed','prod','{"v":1,"kind":"import_fixed","deployment":"prod","occurred_at":"2026-11-22T05:00:41+00:00","file":"dags/a.py"}',0);
INSERT INTO "signals" VALUES(7,1795690030331201,'task_failed','prod','{"v":1,"kind":"task_failed","deployment":"prod","occurred_at":"2026-11-22T05:00:41+00:00","dag_id":"x","run_id":"scheduled__2026-11-22T05:00:00+00:00","task_id":"load","map_index":-1,"try_number":1,"exception":{"type":"ValueError","message":"another","traceback":""}}',0);
INSERT INTO "signals" VALUES(8,1795690030342486,'task_failed','prod','{"v":1,"kind":"task_failed","deployment":"prod","occurred_at":"2026-11-22T05:00:41+00:00","dag_id":"sales","run_id":"scheduled__2026-11-22T05:00:00+00:00","task_id":"load","map_index":4,"try_number":1,"exception":{"type":"ValueError","message":"row is bad","traceback":""}}',0);
INSERT INTO "signals" VALUES(9,1795690030342486,'task_failed','prod','{"v":1,"kind":"task_failed","deployment":"prod","occurred_at":"2026-11-22T05:00:41+00:00","dag_id":"sales","run_id":"scheduled__2026-11-22T05:00:00+00:00","task_id":"load","map_index":5,"try_number":1,"exception":{"type":"ValueError","message":"row is bad","traceback":""}}',0);
INSERT INTO "signals" VALUES(10,1795690030342486,'task_failed','prod','{"v":1,"kind":"task_failed","deployment":"prod","occurred_at":"2026-11-22T05:00:41+00:00","dag_id":"sales","run_id":"scheduled__2026-11-22T05:00:00+00:00","task_id":"load","map_index":6,"try_number":1,"exception":{"type":"ValueError","message":"row is bad","traceback":""}}',0);
INSERT INTO "signals" VALUES(11,1795690030342486,'task_succeeded','prod','{"v":1,"kind":"task_succeeded","deployment":"prod","occurred_at":"2026-11-22T05:00:41+00:00","dag_id":"sales","run_id":"scheduled__2026-11-22T05:00:00+00:00","task_id":"load","map_index":0,"try_number":2}',0);
INSERT INTO "signals" VALUES(12,1795690030342486,'import_error','prod','{"v":1,"kind":"import_error","deployment":"prod","occurred_at":"2026-11-22T05:00:41+00:00","file":"dags/a.py"}',0);
COMMIT;
