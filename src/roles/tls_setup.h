/* roles/tls_setup.h - the certificates of main.cf as a TLS server whose keys are in vault
 * Certificates are numbered in the order of smtpd_tls_chain_files, else smtpd_tls_cert_file, else the self-signed one that master made in
 * state_directory/tls; smtp, login and vault count them alike. */
#ifndef ROLES_TLS_SETUP_H
#define ROLES_TLS_SETUP_H

#include "roles/role.h"
#include "rt/tls.h"

enum { TLS_CERTS = 16 };
struct tls_files {
	size_t n;
	char *cert[TLS_CERTS], *key[TLS_CERTS]; /* paths, in the arena */
};
void tls_files_of(struct arena *a, const struct conf *conf, const char *state_dir, struct tls_files *ret);

/* Reads the certificates (before the jail) and makes the server. `vault` must outlive it; calls to it wait. On a fault it has been logged. */
enum fault tls_setup_server(struct role *r, struct chan *vault, const char *alpn, struct tls_server **ret);
/* The same for listeners that ask clients for certificates (smtpd_tls_CAfile, smtpd_tls_CApath). */
enum fault tls_setup_asking(struct role *r, struct chan *vault, enum tls_ask how, struct tls_server **ret);
/* In vault: the keys. */
enum fault tls_setup_keys(struct role *r, struct tls_key *ret_keys[TLS_CERTS], size_t *ret_n);

#endif
