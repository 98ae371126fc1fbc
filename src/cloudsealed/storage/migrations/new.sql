-- revision 0013
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE audit_blocks (
	tenant_id TEXT NOT NULL, 
	audit_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	lines INTEGER NOT NULL, 
	header TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, audit_id, kind, account, region, "key")
);
CREATE TABLE audit_shards (
	tenant_id TEXT NOT NULL, 
	audit_id TEXT NOT NULL, 
	step TEXT NOT NULL, 
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	hold TEXT, 
	owner TEXT, 
	until TEXT, 
	taken INTEGER NOT NULL, 
	counts TEXT, 
	PRIMARY KEY (tenant_id, audit_id, step, account, region)
);
CREATE TABLE "audits" (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	status TEXT NOT NULL, 
	parent_id TEXT, 
	source_id TEXT NOT NULL, 
	request TEXT NOT NULL, 
	"plan" TEXT, 
	policy_set TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	started_at TEXT, 
	finished_at TEXT, 
	progress TEXT NOT NULL, 
	result TEXT, 
	error TEXT, 
	verdict_digest TEXT, 
	cancel_requested INTEGER NOT NULL, 
	deleted_at TEXT, 
	expired_at TEXT, forgotten_at TEXT, 
	PRIMARY KEY (tenant_id, id)
);
CREATE TABLE calls (
	tenant_id TEXT NOT NULL, 
	audit_id TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	service TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	page INTEGER NOT NULL, 
	outcome TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	duration_ms INTEGER NOT NULL, 
	request_id TEXT, 
	http_status INTEGER, 
	error_code TEXT, 
	error_message TEXT, 
	digest TEXT, 
	called_at TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, audit_id, provider, account, region, service, operation, parameters, page)
);
CREATE TABLE cell_heads (
	tenant_id TEXT NOT NULL, 
	policy_id TEXT NOT NULL, 
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	observed_at TEXT NOT NULL, 
	audit_id TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	PRIMARY KEY (tenant_id, policy_id, account, region)
);
CREATE TABLE cells (
	tenant_id TEXT NOT NULL, 
	policy_id TEXT NOT NULL, 
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	audit_id TEXT NOT NULL, 
	observed_at TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, policy_id, account, region, audit_id)
);
CREATE TABLE "connections" (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	name TEXT NOT NULL, 
	method TEXT NOT NULL, 
	account TEXT, 
	external_id TEXT, 
	regions TEXT, 
	created_at TEXT NOT NULL, 
	deleted_at TEXT, 
	details TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT connections_name UNIQUE (tenant_id, name)
);
CREATE TABLE counts (
	name TEXT NOT NULL, 
	labels TEXT NOT NULL, 
	value INTEGER NOT NULL, 
	PRIMARY KEY (name, labels)
);
CREATE TABLE episodes (
	tenant_id TEXT NOT NULL, 
	finding_id TEXT NOT NULL, 
	sequence INTEGER NOT NULL, 
	outcome TEXT NOT NULL, 
	severity INTEGER NOT NULL, 
	first_audit_id TEXT NOT NULL, 
	last_audit_id TEXT NOT NULL, 
	first_at TEXT NOT NULL, 
	last_at TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, finding_id, sequence)
);
CREATE TABLE events (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	category TEXT NOT NULL, 
	type TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	data TEXT NOT NULL, actor_kind TEXT, user_id TEXT, user_name TEXT, user_email TEXT, credential_id TEXT, credential_name TEXT, ip TEXT, request_id TEXT, "before" TEXT, "after" TEXT, sequence INTEGER, previous TEXT, hash TEXT, signature TEXT, 
	PRIMARY KEY (tenant_id, id)
);
CREATE TABLE finding_counts (
	tenant_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	dimension TEXT NOT NULL, 
	severity INTEGER NOT NULL, 
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	resource_type TEXT NOT NULL, 
	policy_id TEXT NOT NULL, 
	connection_id TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	triage TEXT NOT NULL, 
	count INTEGER NOT NULL, 
	PRIMARY KEY (tenant_id, status, dimension, severity, account, region, resource_type, policy_id, connection_id, provider, triage)
)
 WITHOUT ROWID

;
CREATE VIRTUAL TABLE finding_grams USING fts5(text, content='', tokenize='trigram', detail=none, columnsize=0);
CREATE TABLE finding_texts (
	tenant_id TEXT NOT NULL, 
	finding_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, finding_id)
);
CREATE TABLE findings (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	policy_id TEXT NOT NULL, 
	policy_version INTEGER NOT NULL, 
	resource_id TEXT NOT NULL, 
	connection_id TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	resource_type TEXT NOT NULL, 
	dimension TEXT NOT NULL, 
	name TEXT, 
	severity INTEGER NOT NULL, 
	base_severity INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	resolution TEXT, 
	triage TEXT, 
	last_observation TEXT NOT NULL, 
	audit_id TEXT NOT NULL, 
	observed_at TEXT NOT NULL, 
	decided_by TEXT NOT NULL, 
	looked_at TEXT NOT NULL, 
	looked_by TEXT NOT NULL, 
	first_seen_at TEXT NOT NULL, 
	last_seen_at TEXT NOT NULL, 
	resolved_at TEXT, 
	resolved_by TEXT, 
	monthly_savings INTEGER NOT NULL, 
	doc BLOB NOT NULL, follows INTEGER DEFAULT '0' NOT NULL, said BLOB, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT findings_fingerprint UNIQUE (tenant_id, fingerprint)
);
CREATE TABLE idempotency (
	tenant_id TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	method TEXT NOT NULL, 
	path TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	request_digest TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	status INTEGER, 
	headers TEXT, 
	body BLOB, 
	PRIMARY KEY (tenant_id, owner, method, path, "key")
);
CREATE TABLE installation (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE jobs (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	status TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	owner TEXT, 
	epoch INTEGER NOT NULL, 
	until TEXT, 
	error TEXT, 
	created_at TEXT NOT NULL, 
	finished_at TEXT, 
	PRIMARY KEY (tenant_id, id)
);
CREATE TABLE oauth_apps (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	client_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	confidential INTEGER NOT NULL, 
	secret_digest TEXT, 
	previous_digest TEXT, 
	previous_until TEXT, 
	redirect_uris TEXT NOT NULL, 
	scopes TEXT NOT NULL, 
	audience TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	updated_at TEXT NOT NULL, 
	deleted_at TEXT, device_flow INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT oauth_apps_client UNIQUE (client_id)
);
CREATE TABLE oauth_assertions (
	tenant_id TEXT NOT NULL, 
	client TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	expires_at TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, client, digest)
);
CREATE TABLE oauth_client_tokens (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	client TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	scopes TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	expires_at TEXT NOT NULL, 
	revoked_at TEXT, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT oauth_client_tokens_digest UNIQUE (digest)
);
CREATE TABLE oauth_clients (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	user_id TEXT NOT NULL, 
	client_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	scopes TEXT NOT NULL, 
	keys TEXT NOT NULL, 
	secret_digest TEXT, 
	previous_digest TEXT, 
	previous_until TEXT, 
	created_at TEXT NOT NULL, 
	updated_at TEXT NOT NULL, 
	deleted_at TEXT, 
	last_used_at TEXT, 
	last_used_ip TEXT, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT oauth_clients_client UNIQUE (client_id)
);
CREATE TABLE oauth_codes (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	grant_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	scopes TEXT NOT NULL, 
	redirect_uri TEXT NOT NULL, 
	redirect_sent INTEGER NOT NULL, 
	challenge TEXT, 
	created_at TEXT NOT NULL, 
	redeemed_at TEXT, 
	expires_at TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT oauth_codes_digest UNIQUE (digest)
);
CREATE TABLE oauth_devices (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	client_id TEXT NOT NULL, 
	device_digest TEXT NOT NULL, 
	user_digest TEXT NOT NULL, 
	scopes TEXT NOT NULL, 
	asked_ip TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	expires_at TEXT NOT NULL, 
	pause INTEGER NOT NULL, 
	polled_at TEXT, 
	decision TEXT, 
	decided_at TEXT, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT oauth_devices_device UNIQUE (device_digest), 
	CONSTRAINT oauth_devices_user UNIQUE (user_digest)
);
CREATE TABLE "oauth_grants" (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	user_id TEXT NOT NULL, 
	client_id TEXT NOT NULL, 
	app_name TEXT NOT NULL, 
	scopes TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	redeemed_at TEXT, 
	expires_at TEXT NOT NULL, 
	last_used_at TEXT, 
	last_used_ip TEXT, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT oauth_grants_app UNIQUE (tenant_id, user_id, client_id)
);
CREATE TABLE "oauth_tokens" (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	grant_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	scopes TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	expires_at TEXT NOT NULL, 
	consumed_at TEXT, 
	family TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT oauth_tokens_digest UNIQUE (digest)
);
CREATE TABLE objects (
	tenant_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	used_in TEXT NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (tenant_id, digest)
);
CREATE TABLE policies (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	source TEXT NOT NULL, 
	dimension TEXT, 
	severity TEXT, 
	provider TEXT NOT NULL, 
	enabled INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	spec TEXT NOT NULL, 
	params TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	updated_at TEXT NOT NULL, 
	applied_at TEXT, 
	deleted_at TEXT, created_by TEXT, updated_by TEXT, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT policies_key UNIQUE (tenant_id, "key")
);
CREATE TABLE policy_versions (
	tenant_id TEXT NOT NULL, 
	policy_id TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	spec TEXT NOT NULL, 
	created_at TEXT NOT NULL, created_by TEXT, 
	PRIMARY KEY (tenant_id, policy_id, version)
);
CREATE TABLE reports (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	status TEXT NOT NULL, 
	audit_id TEXT NOT NULL, 
	request TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	finished_at TEXT, 
	expires_at TEXT, 
	error TEXT, 
	files TEXT NOT NULL, 
	progress TEXT, created_by TEXT, 
	PRIMARY KEY (tenant_id, id)
);
CREATE TABLE resource_tags (
	tenant_id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	resource_id TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, resource_id, "key")
);
CREATE TABLE resources (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	connection_id TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	type TEXT NOT NULL, 
	native_id TEXT NOT NULL, 
	name TEXT, 
	state TEXT NOT NULL, 
	snapshot TEXT NOT NULL, 
	observed_at TEXT NOT NULL, 
	audit_id TEXT NOT NULL, 
	first_seen_at TEXT NOT NULL, 
	last_seen_at TEXT NOT NULL, 
	doc BLOB NOT NULL, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT resources_identity UNIQUE (tenant_id, provider, account, region, type, native_id)
);
CREATE TABLE schedules (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	cron TEXT NOT NULL, 
	timezone TEXT NOT NULL, 
	enabled INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	request TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	next_run_at TEXT, 
	last_run_at TEXT, 
	made_id TEXT, 
	error TEXT, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT schedules_name UNIQUE (tenant_id, name)
);
CREATE TABLE seal_rows (
	tenant_id TEXT NOT NULL, 
	audit_id TEXT NOT NULL, 
	level INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	hashes BLOB NOT NULL, 
	PRIMARY KEY (tenant_id, audit_id, level, number)
);
CREATE TABLE seals (
	tenant_id TEXT NOT NULL, 
	sequence INTEGER NOT NULL, 
	audit_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	envelope BLOB NOT NULL, 
	PRIMARY KEY (tenant_id, sequence), 
	CONSTRAINT seals_audit UNIQUE (tenant_id, audit_id)
);
CREATE TABLE sessions (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	user_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	last_seen_at TEXT NOT NULL, 
	expires_at TEXT NOT NULL, 
	confirmed_at TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT sessions_digest UNIQUE (digest)
);
CREATE TABLE simulations (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	request TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	finished_at TEXT, 
	results TEXT NOT NULL, 
	error TEXT, 
	PRIMARY KEY (tenant_id, id)
);
CREATE TABLE tenants (
	tenant_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	PRIMARY KEY (tenant_id)
);
CREATE TABLE tokens (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	user_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	key_id TEXT NOT NULL, 
	scopes TEXT NOT NULL, 
	allowed_cidrs TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	expires_at TEXT NOT NULL, 
	revoked_at TEXT, 
	last_used_at TEXT, 
	last_used_ip TEXT, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT tokens_digest UNIQUE (digest)
);
CREATE TABLE users (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	email TEXT NOT NULL, 
	name TEXT NOT NULL, 
	role TEXT NOT NULL, 
	password_hash TEXT, 
	created_at TEXT NOT NULL, 
	disabled_at TEXT, 
	invitation_digest TEXT, 
	invitation_expires_at TEXT, kind TEXT DEFAULT 'person' NOT NULL, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT users_email UNIQUE (email), 
	CONSTRAINT users_invitation UNIQUE (invitation_digest)
);
CREATE TABLE views (
	tenant_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	noun TEXT NOT NULL, 
	name TEXT NOT NULL, 
	"query" TEXT NOT NULL, 
	group_by TEXT, 
	columns TEXT, 
	audience TEXT NOT NULL, 
	owner_id TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	updated_at TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, id), 
	CONSTRAINT views_name UNIQUE (tenant_id, audience, noun, name)
);
CREATE TABLE workers (
	name TEXT NOT NULL, 
	started_at TEXT NOT NULL, 
	seen_at TEXT NOT NULL, 
	state TEXT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE INDEX audit_blocks_key ON audit_blocks (tenant_id, audit_id, kind, "key", account, region);
CREATE INDEX audit_shards_hold ON audit_shards (tenant_id, audit_id, hold);
CREATE INDEX audit_shards_until ON audit_shards (until);
CREATE INDEX audits_finished ON audits (finished_at);
CREATE INDEX audits_parent ON audits (tenant_id, parent_id);
CREATE INDEX audits_standing ON audits (deleted_at, status);
CREATE INDEX audits_tenant_kind ON audits (tenant_id, kind, id);
CREATE INDEX audits_tenant_status ON audits (tenant_id, status, id);
CREATE INDEX events_category ON events (tenant_id, category, id);
CREATE INDEX events_credential ON events (tenant_id, credential_id, id);
CREATE UNIQUE INDEX events_sequence ON events (tenant_id, sequence);
CREATE INDEX events_subject ON events (tenant_id, subject, id);
CREATE INDEX events_type ON events (tenant_id, type, id);
CREATE INDEX events_unchained ON events (tenant_id, id) WHERE sequence IS NULL;
CREATE INDEX events_user ON events (tenant_id, user_id, id);
CREATE INDEX finding_counts_policy ON finding_counts (tenant_id, policy_id);
CREATE INDEX finding_counts_provider ON finding_counts (tenant_id, provider);
CREATE INDEX finding_counts_region ON finding_counts (tenant_id, region);
CREATE INDEX finding_counts_resource_type ON finding_counts (tenant_id, resource_type);
CREATE INDEX finding_texts_number ON finding_texts (tenant_id, number);
CREATE INDEX findings_account ON findings (tenant_id, account, id);
CREATE INDEX findings_cell ON findings (tenant_id, policy_id, account, region);
CREATE INDEX findings_connection ON findings (tenant_id, connection_id, id);
CREATE INDEX findings_dimension ON findings (tenant_id, dimension, id);
CREATE INDEX findings_first_seen ON findings (tenant_id, first_seen_at, id);
CREATE INDEX findings_policy ON findings (tenant_id, policy_id, id);
CREATE INDEX findings_resource ON findings (tenant_id, resource_id, id);
CREATE INDEX findings_savings ON findings (tenant_id, monthly_savings, id);
CREATE INDEX findings_severity ON findings (tenant_id, severity, id);
CREATE INDEX findings_severity_first_seen ON findings (tenant_id, severity, first_seen_at, id);
CREATE INDEX findings_severity_savings ON findings (tenant_id, severity, monthly_savings, id);
CREATE INDEX findings_status ON findings (tenant_id, status, id);
CREATE INDEX findings_status_first_seen ON findings (tenant_id, status, first_seen_at, id);
CREATE INDEX findings_status_savings ON findings (tenant_id, status, monthly_savings, id);
CREATE INDEX findings_status_severity ON findings (tenant_id, status, severity, id);
CREATE INDEX findings_triage ON findings (tenant_id, triage, id);
CREATE INDEX jobs_status ON jobs (status, kind, id);
CREATE INDEX jobs_subject ON jobs (tenant_id, subject);
CREATE INDEX oauth_assertions_expiry ON oauth_assertions (expires_at);
CREATE INDEX oauth_client_tokens_expiry ON oauth_client_tokens (expires_at);
CREATE INDEX oauth_clients_user ON oauth_clients (tenant_id, user_id, id);
CREATE INDEX oauth_codes_expiry ON oauth_codes (expires_at);
CREATE INDEX oauth_codes_grant ON oauth_codes (tenant_id, grant_id);
CREATE INDEX oauth_devices_expiry ON oauth_devices (expires_at);
CREATE INDEX oauth_grants_client ON oauth_grants (client_id, tenant_id);
CREATE INDEX oauth_grants_expiry ON oauth_grants (expires_at);
CREATE INDEX oauth_grants_user ON oauth_grants (tenant_id, user_id, id);
CREATE INDEX oauth_tokens_expiry ON oauth_tokens (expires_at);
CREATE INDEX oauth_tokens_grant ON oauth_tokens (tenant_id, grant_id, family);
CREATE INDEX objects_used ON objects (tenant_id, used_in);
CREATE INDEX policies_dimension ON policies (tenant_id, dimension, id);
CREATE INDEX policies_kind ON policies (tenant_id, kind, id);
CREATE INDEX policies_severity ON policies (tenant_id, severity, id);
CREATE INDEX policies_source ON policies (tenant_id, source, id);
CREATE INDEX reports_tenant_audit ON reports (tenant_id, audit_id, id);
CREATE INDEX reports_tenant_kind ON reports (tenant_id, kind, id);
CREATE INDEX reports_tenant_status ON reports (tenant_id, status, id);
CREATE INDEX resource_tags_key ON resource_tags (tenant_id, "key", resource_id);
CREATE INDEX resource_tags_pair ON resource_tags (tenant_id, "key", value, resource_id);
CREATE INDEX resource_tags_value ON resource_tags (tenant_id, value);
CREATE INDEX resources_account ON resources (tenant_id, account, id);
CREATE INDEX resources_audit ON resources (tenant_id, audit_id);
CREATE INDEX resources_connection ON resources (tenant_id, connection_id, id);
CREATE INDEX resources_native_id ON resources (tenant_id, native_id, id);
CREATE INDEX resources_provider ON resources (tenant_id, provider);
CREATE INDEX resources_region ON resources (tenant_id, region, id);
CREATE INDEX resources_state ON resources (tenant_id, state, id);
CREATE INDEX resources_type ON resources (tenant_id, type, id);
CREATE INDEX schedules_due ON schedules (tenant_id, next_run_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_user ON sessions (tenant_id, user_id);
CREATE INDEX simulations_created ON simulations (created_at);
CREATE INDEX tokens_user ON tokens (tenant_id, user_id, id);
CREATE INDEX users_kind ON users (tenant_id, kind, id);
CREATE INDEX users_role ON users (tenant_id, role, id);
CREATE INDEX views_audience ON views (tenant_id, audience, id);
CREATE TRIGGER events_are_chained_once BEFORE UPDATE ON events WHEN old.sequence IS NOT NULL OR new.sequence IS NULL OR new."tenant_id" IS NOT old."tenant_id" OR new."id" IS NOT old."id" OR new."category" IS NOT old."category" OR new."type" IS NOT old."type" OR new."subject" IS NOT old."subject" OR new."created_at" IS NOT old."created_at" OR new."data" IS NOT old."data" OR new."actor_kind" IS NOT old."actor_kind" OR new."user_id" IS NOT old."user_id" OR new."user_name" IS NOT old."user_name" OR new."user_email" IS NOT old."user_email" OR new."credential_id" IS NOT old."credential_id" OR new."credential_name" IS NOT old."credential_name" OR new."ip" IS NOT old."ip" OR new."request_id" IS NOT old."request_id" OR new."before" IS NOT old."before" OR new."after" IS NOT old."after" OR EXISTS (SELECT 1 FROM events AS other WHERE other.tenant_id = new.tenant_id AND other.sequence = new.sequence) BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_are_kept BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events AS other WHERE other.tenant_id = new.tenant_id AND other.sequence = new.sequence) OR EXISTS (SELECT 1 FROM events AS other WHERE other.tenant_id = new.tenant_id AND other.id = new.id) BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER finding_grams_new AFTER INSERT ON finding_texts BEGIN INSERT INTO finding_grams (rowid, text) VALUES (new.number, new.text); END;
CREATE TRIGGER finding_grams_other AFTER UPDATE OF text ON finding_texts BEGIN INSERT INTO finding_grams (finding_grams, rowid, text) VALUES ('delete', old.number, old.text); INSERT INTO finding_grams (rowid, text) VALUES (new.number, new.text); END;
INSERT INTO alembic_version VALUES ('0013');
