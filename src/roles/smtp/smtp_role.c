#include "roles/smtp/restrict.h"

#include "base/mem.h"
#include "conf/maps.h"
#include "roles/tls_setup.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

/* smtpd_reject_footer: "\\n" in it begins a line; "\\c" before it makes Postfix join it to the reply, which we do not. */
static str
footer_of(struct smtp_role *smtp, str text)
{
	char *lines;
	size_t n = 0;

	(void)str_take(&text, S("\\c"));
	text = str_trim(text);
	lines = arena_take(&smtp->arena, text.n + 1);
	for (size_t i = 0; i < text.n; i++) {
		bool begins = text.p[i] == '\\' && i + 1 < text.n && text.p[i + 1] == 'n';

		lines[n++] = begins ? '\n' : text.p[i];
		i += begins;
	}
	return str_of(lines, n);
}

/* PLAIN and LOGIN send the password, and do not prove that the server knows it. */
static bool
forbids_plain(const struct conf *c, enum conf_id id)
{
	return conf_has_word(c, id, S("noplaintext")) || conf_has_word(c, id, S("noactive")) ||
	       conf_has_word(c, id, S("mutual_auth"));
}

static void
read_account_limits(struct smtp_service *sv, const struct conf *c)
{
	static const struct {
		enum conf_id id;
		uint8_t kind, rate;
	} limits[] = {
		{ CONF_smtpd_login_message_hourly_limit, LIMITS_ACCOUNT_MESSAGES, 0 },
		{ CONF_smtpd_login_message_daily_limit, LIMITS_ACCOUNT_MESSAGES, 1 },
		{ CONF_smtpd_login_recipient_hourly_limit, LIMITS_ACCOUNT_RCPTS, 0 },
		{ CONF_smtpd_login_recipient_daily_limit, LIMITS_ACCOUNT_RCPTS, 1 },
		{ CONF_smtpd_login_new_recipient_hourly_limit, LIMITS_ACCOUNT_NEW_RCPTS, 0 },
		{ CONF_smtpd_login_new_recipient_daily_limit, LIMITS_ACCOUNT_NEW_RCPTS, 1 },
	};
	static const int64_t windows_ms[LIMITS_ACCOUNT_RATES] = { 3600 * 1000, 86400 * 1000 };

	for (size_t i = 0; i < COUNT(limits); i++)
		sv->account_rates[limits[i].kind][limits[i].rate] =
			(struct limits_rate){ (uint32_t)conf_int(c, limits[i].id),
				windows_ms[limits[i].rate] };
}

static void
read_service(struct smtp_role *smtp, struct smtp_service *sv, const char *name, const struct conf *conf)
{
	const struct conf *c = conf_for(conf, strcmp(name, "smtp") == 0 ? "" : name);
	const str *words;
	size_t n;

	*sv = (struct smtp_service){
		.name = name,
		.conf = c,
		.submission = strncmp(name, "submission", 10) == 0,
		.lmtp = strcmp(name, "lmtp") == 0,
		.implicit_tls = strcmp(name, "submissions") == 0,
		.hostname = conf_str(c, CONF_myhostname),
		.banner = conf_str(c, CONF_smtpd_banner),
		.prdr = conf_bool(c, CONF_smtpd_prdr_enable),
		.helo_required = conf_bool(c, CONF_smtpd_helo_required),
		.no_vrfy = conf_bool(c, CONF_disable_vrfy_command),
		.strict = conf_bool(c, CONF_strict_rfc821_envelopes),
		.utf8 = conf_bool(c, CONF_smtputf8_enable),
		.auth = conf_bool(c, CONF_smtpd_sasl_auth_enable),
		.tls_auth_only = conf_bool(c, CONF_smtpd_tls_auth_only),
		.tls_header = conf_bool(c, CONF_smtpd_tls_received_header),
		.no_early_pipelining = conf_bool(c, CONF_smtpd_forbid_unauth_pipelining),
		.bare_newline = (int)conf_int(c, CONF_smtpd_forbid_bare_newline),
		.tls_level = (int)conf_int(c, CONF_smtpd_tls_security_level),
		.tls_loglevel = (int)conf_int(conf, CONF_smtpd_tls_loglevel),
		.size_limit = (uint64_t)conf_int(c, CONF_message_size_limit),
		.header_limit = (uint64_t)conf_int(c, CONF_header_size_limit),
		.hop_limit = (uint64_t)conf_int(c, CONF_hopcount_limit),
		.line_limit = (uint64_t)conf_int(c, CONF_line_length_limit),
		.rcpt_limit = (uint64_t)conf_int(c, CONF_smtpd_recipient_limit),
		.timeout_ms = conf_int(c, CONF_smtpd_timeout),
		.starttls_timeout_ms = conf_int(c, CONF_smtpd_starttls_timeout),
		.error_sleep_ms = conf_int(c, CONF_smtpd_error_sleep_time),
		.least_rate = (uint64_t)conf_int(c, CONF_smtpd_min_data_rate),
		.soft_errors = (uint64_t)conf_int(c, CONF_smtpd_soft_error_limit),
		.hard_errors = (uint64_t)conf_int(c, CONF_smtpd_hard_error_limit),
		.junk_limit = (uint64_t)conf_int(c, CONF_smtpd_junk_command_limit),
		.most_connections = (uint32_t)conf_int(c, CONF_smtpd_client_connection_count_limit),
		.connection_rate = (uint32_t)conf_int(c, CONF_smtpd_client_connection_rate_limit),
		.message_rate = (uint32_t)conf_int(c, CONF_smtpd_client_message_rate_limit),
		.event_rates = { [LIMITS_RECIPIENTS] =
					 (uint32_t)conf_int(c, CONF_smtpd_client_recipient_rate_limit),
			[LIMITS_LOGINS] = (uint32_t)conf_int(c, CONF_smtpd_client_auth_rate_limit),
			[LIMITS_HANDSHAKES] =
				(uint32_t)conf_int(c, CONF_smtpd_client_new_tls_session_rate_limit) },
		.no_plain_clear = forbids_plain(c, CONF_smtpd_sasl_security_options),
		.no_plain_tls = forbids_plain(c, CONF_smtpd_sasl_tls_security_options),
		.old_auth = conf_bool(c, CONF_broken_sasl_auth_clients),
		.auth_header = conf_bool(c, CONF_smtpd_sasl_authenticated_header),
	};
	read_account_limits(sv, c);
	sv->dropped = conf_list(c, CONF_message_drop_headers, &sv->dropped_count);
	sv->add_missing = conf_bool(c, CONF_always_add_missing_headers);
	sv->own_login = conf_has_word(c, CONF_local_header_rewrite_clients, S("permit_sasl_authenticated"));
	sv->own_networks = conf_has_word(c, CONF_local_header_rewrite_clients, S("permit_mynetworks"));
	sv->own_machine = conf_has_word(c, CONF_local_header_rewrite_clients, S("permit_inet_interfaces"));
	sv->strict_7bit = conf_bool(c, CONF_strict_7bit_headers);
	sv->from_mismatch = (int)conf_int(c, CONF_smtpd_from_login_mismatch);
	sv->break_lines = (size_t)conf_int(c, CONF_smtp_line_length_limit);
	sv->forbidden = conf_list(c, CONF_smtpd_forbidden_commands, &sv->forbidden_count);
	sv->footer = footer_of(smtp, conf_str(c, CONF_smtpd_reject_footer));
	words = conf_list(c, CONF_smtpd_discard_ehlo_keywords, &n);
	sv->discarded_caps = smtp_caps_of(words, n);
	sv->discard_maps = conf_maps(c, CONF_smtpd_discard_ehlo_keyword_address_maps);
	(void)conf_list(c, CONF_smtpd_upstream_proxy_protocol, &n);
	sv->proxied = n > 0;
	sv->proxy_timeout_ms = conf_int(c, CONF_smtpd_upstream_proxy_timeout);
}

enum {
	ACCEPT_TURN = 8, /* clients taken at once, so that other processes get theirs */
	DOOR_REST_MS = 500
};

/* ---- peers ---- */

static void
nothing_comes(struct chan *c, struct frame *f)
{
	struct smtp_role *smtp = c->ctx;

	role_bad_frame(smtp->role, c, f, "nobody asked");
}

static void
on_peer(struct role *r, unsigned kind, uint32_t number, int fd)
{
	struct smtp_role *smtp = r->own;

	(void)number;
	if (kind == TALK_STORE) {
		chan_up(&smtp->store, fd);
	} else if (kind == TALK_VAULT) {
		chan_up(&smtp->vault, fd);
	} else {
		(void)close(fd);
	}
}

/* ---- clients ---- */

static void on_client(struct watch *w);

static void
door_reopen(struct timer *t)
{
	struct smtp_door *door = CONTAINER(t, struct smtp_door, timer);
	struct role *r = door->role->role;

	if (!r->draining && watch_start_shared(r->loop, &door->watch, door->watch.fd, on_client) != OK)
		timer_set(r->loop, t, loop_now_ms(r->loop) + DOOR_REST_MS);
}

/* Out of descriptors: a door that stays readable would spin the loop. It rests while sessions end. */
static void
door_rest(struct smtp_door *door)
{
	struct role *r = door->role->role;

	log_error(&r->log, "out-of-descriptors", kv_uint("sessions", r->sessions));
	watch_stop(&door->watch);
	door->timer.fn = door_reopen;
	timer_set(r->loop, &door->timer, loop_now_ms(r->loop) + DOOR_REST_MS);
}

static void
on_client(struct watch *w)
{
	struct smtp_door *door = CONTAINER(w, struct smtp_door, watch);
	struct peer peer;
	int fd = 0;

	for (int i = 0; i < ACCEPT_TURN && !door->role->role->draining; i++) {
		fd = sock_accept(w->fd, &peer);
		if (fd < 0)
			break;
		smtp_session_accept(door, fd, &peer);
	}
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		door_rest(door);
}

static void
on_drain(struct role *r)
{
	struct smtp_role *smtp = r->own;

	for (size_t i = 0; i < smtp->door_count; i++)
		watch_stop(&smtp->doors[i].watch);
	LIST_EACH(&smtp->sessions, l)
		smtp_session_drain(CONTAINER(l, struct smtp_session, link));
}

/* The restriction lists of each service. Master has judged them; that they are wrong here, too, is not expected. */
static enum fault
read_rules(struct smtp_role *smtp)
{
	struct role *r = smtp->role;
	struct buf report = { 0 };
	enum fault f = OK;

	for (size_t i = 0; i < COUNT(smtp->services) && f == OK; i++) {
		struct smtp_service *sv = &smtp->services[i];

		f = rules_compile(sv->conf, &report, &sv->rules);
		if (f == OK)
			sv->policies = smtp_policies_new(r, sv->rules);
	}
	if (f != OK)
		log_error(&r->log, "config", kv_str("finding", buf_str(&report)));
	buf_done(&report);
	return f;
}

static enum fault
open_doors(struct smtp_role *smtp)
{
	struct role *r = smtp->role;

	smtp->doors = mem_new_array(r->listener_count, sizeof(*smtp->doors));
	for (size_t i = 0; i < r->listener_count; i++)
		for (size_t k = 0; k < COUNT(smtp->services); k++) {
			struct smtp_door *d = &smtp->doors[smtp->door_count];

			if (strcmp(r->listeners[i].service, smtp->services[k].name) != 0)
				continue;
			d->role = smtp;
			d->service = &smtp->services[k];
			TRY(watch_start_shared(r->loop, &d->watch, r->listeners[i].fd, on_client));
			smtp->door_count++;
		}
	return OK;
}

/* smtpd_tls_req_ccert where TLS is optional would only drive clients out of TLS: there it is asking, as in Postfix. */
static enum tls_ask
asks_for_certificates(const struct smtp_service *sv)
{
	bool require = conf_bool(sv->conf, CONF_smtpd_tls_req_ccert);

	if (require && (sv->implicit_tls || sv->tls_level == TLS_ENCRYPT))
		return TLS_REQUIRE;
	return require || conf_bool(sv->conf, CONF_smtpd_tls_ask_ccert) ? TLS_ASK : TLS_ASK_NO;
}

static enum fault
read_services(struct smtp_role *smtp)
{
	static const char *const names[] = { "smtp", "submission", "submissions", "lmtp" };
	static const char *const digests[] = { "sha256", "sha384", "sha512", "sha1",
		"md5" }; /* as params.def has them */
	struct role *r = smtp->role;

	_Static_assert(COUNT(names) == COUNT(smtp->services), "each has its settings");
	for (size_t i = 0; i < COUNT(names); i++) {
		struct smtp_service *sv = &smtp->services[i];
		enum tls_ask how;

		read_service(smtp, sv, names[i], r->conf);
		how = asks_for_certificates(sv);
		sv->asks_ccert = how != TLS_ASK_NO;
		sv->ccert_digest = digests[conf_int(r->conf, CONF_smtpd_tls_fingerprint_digest)];
		if (!smtp->tls[how])
			TRY(how == TLS_ASK_NO ? tls_setup_server(r, &smtp->vault, NULL, &smtp->tls[how])
					      : tls_setup_asking(r, &smtp->vault, how, &smtp->tls[how]));
		sv->tls = smtp->tls[how];
	}
	return OK;
}

/* Mechanisms, listeners, certificates. Logged when wrong. */
static enum fault
read_settings(struct smtp_role *smtp)
{
	struct role *r = smtp->role;
	size_t n;
	const str *words = conf_list(r->conf, CONF_sasl_mechanism_list, &n);

	for (size_t i = 0; i < n && smtp->mech_count < COUNT(smtp->mechs); i++) {
		enum sasl_mech m = sasl_mech_of(words[i]);
		if (m == SASL_NONE) {
			log_error(&r->log, "config",
				kv_c("finding", "sasl_mechanism_list: unknown mechanism"),
				kv_str("word", words[i]));
			return BAD_ARGUMENT;
		}
		smtp->mechs[smtp->mech_count++] = m;
	}
	smtp->rate_window_ms = conf_int(r->conf, CONF_anvil_rate_time_unit);
	smtp->helo_rule = (struct limits_helo_rule){
		.most = (uint32_t)conf_int(r->conf, CONF_mynetworks_helo_limit),
		.window_ms = conf_int(r->conf, CONF_mynetworks_helo_time),
		.distrust_ms = conf_int(r->conf, CONF_mynetworks_distrust_time),
	};
	return read_services(smtp);
}

struct smtp_role *
smtp_new(struct role *r)
{
	struct smtp_role *smtp = NEW(struct smtp_role);

	smtp->role = r;
	r->own = smtp;
	r->on_peer = on_peer;
	r->on_drain = on_drain;
	list_init(&smtp->sessions);
	loop_random(r->loop, &smtp->id_salt, sizeof(smtp->id_salt));
	loop_random(r->loop, &smtp->table_key, sizeof(smtp->table_key));
	smtp->people = people_text_new(r->conf);
	chan_init(&smtp->store, r->loop, "store", STORE_DOWN);
	chan_init(&smtp->vault, r->loop, "vault", AUTH_UNAVAILABLE);
	smtp->store.ctx = smtp->vault.ctx = smtp;
	smtp->store.on_frame = smtp->vault.on_frame = nothing_comes;
	if (read_settings(smtp) == OK && read_rules(smtp) == OK)
		return smtp;
	smtp_free(smtp);
	return NULL;
}

void
smtp_free(struct smtp_role *smtp)
{
	chan_down(&smtp->store);
	chan_down(&smtp->vault);
	for (size_t i = 0; i < COUNT(smtp->tls); i++)
		tls_server_free(smtp->tls[i]);
	for (size_t i = 0; i < COUNT(smtp->services); i++) {
		smtp_policies_free(smtp->services[i].policies);
		rules_free(smtp->services[i].rules);
	}
	while (smtp->spare_count)
		email_builder_free(smtp->spare[--smtp->spare_count]);
	people_text_free(smtp->people);
	free(smtp->doors);
	arena_done(&smtp->arena);
	free(smtp);
}

int
smtp_role(struct role *r)
{
	struct smtp_role *smtp = smtp_new(r);
	struct jail jail = { JAIL_ACCEPT, NULL, NULL };

	if (!smtp || role_drop(r) != OK)
		return EX_CONFIG;
	if (open_doors(smtp) != OK)
		return EX_OSERR;
	for (size_t i = 0; i < COUNT(smtp->services); i++)
		jail.rights |= smtp_policies_rights(smtp->services[i].policies);
	if (role_ready(r, &jail) != OK)
		return EX_OSERR;
	return role_loop(r);
}
