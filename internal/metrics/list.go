package metrics

import (
	"fmt"
	"strings"
)

// kind is a type of metric, as Prometheus calls it.
type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

// metric describes one. docs/reference/metrics.md is made of these.
type metric struct {
	name   string
	kind   kind
	help   string
	labels []string
}

// What is shown.
var (
	requestDuration = metric{"signet_http_request_duration_seconds", histogram,
		"Requests by how long they took. The endpoint is the pattern that its path has, \"other\" for paths that there are not; the status is its class.", []string{"endpoint", "status"}}

	tokensIssued     = metric{"signet_tokens_issued_total", counter, "Answers of the token endpoint with tokens.", []string{"grant"}}
	tokensRefused    = metric{"signet_token_requests_refused_total", counter, "Refusals of the token endpoint, by error code. Polls of devices that are to wait do not count.", []string{"grant", "reason"}}
	introspections   = metric{"signet_introspections_total", counter, "Introspections that were answered.", nil}
	revocations      = metric{"signet_revocations_total", counter, "Requests to the revocation endpoint that were answered.", nil}
	signIns          = metric{"signet_sign_ins_total", counter, "Users who signed in.", nil}
	signInFailures   = metric{"signet_sign_in_failures_total", counter, "Attempts to sign in that were refused.", nil}
	limited          = metric{"signet_limited_requests_total", counter, "What was refused because there was too much of it, by limit: failures, pages, client, user, admin_api, sign_in or connections.", []string{"limit"}}
	decisions        = metric{"signet_decisions_total", counter, "Decisions by policies: allow or deny.", []string{"decision"}}
	conditionsFailed = metric{"signet_policy_condition_failures_total", counter, "Conditions of policies that could not be evaluated.", nil}

	batchSize     = metric{"signet_batch_size", histogram, "Batches by how many calls they had. The queue is index_writes (tokens recorded), index_reads (found) or revocations.", []string{"queue"}}
	batchFailures = metric{"signet_batch_failures_total", counter, "Batches that failed.", []string{"queue"}}
	batchRunning  = metric{"signet_batch_running_seconds", gauge, "For how long the oldest batch under way has been running; 0: there is none.", []string{"queue"}}
	queueDepth    = metric{"signet_queue_depth", gauge, "Calls that wait for a batch.", []string{"queue"}}
	queueCapacity = metric{"signet_queue_capacity", gauge, "Calls that can wait; further ones are refused.", []string{"queue"}}

	ready   = metric{"signet_ready", gauge, "1 if /readyz says that this replica can do what users need, otherwise 0.", nil}
	checkOK = metric{"signet_check_ok", gauge, "1 if a check of /readyz passes, otherwise 0.", []string{"check"}}

	revisionsBehind = metric{"signet_revisions_behind", gauge, "Changes of the database that this replica has not seen yet.", nil}
	cacheAge        = metric{"signet_cache_age_seconds", gauge, "Since the cache was last known to be current; it is compared every second.", nil}
	statusListAge   = metric{"signet_status_list_age_seconds", gauge, "Since the status list in memory that is furthest behind was last known to be current; 0: there is none.", nil}

	signingKeys  = metric{"signet_signing_keys", gauge, "Signing keys by algorithm and state: next, active, retired or revoked.", []string{"alg", "state"}}
	keyActivated = metric{"signet_signing_key_activated_timestamp_seconds", gauge, "When the active key of an algorithm began to sign.", []string{"alg"}}
	keyRotation  = metric{"signet_signing_key_next_rotation_timestamp_seconds", gauge, "When the active key of an algorithm is to be replaced.", []string{"alg"}}

	receivers       = metric{"signet_receivers", gauge, "Receivers of security events, counted up to 100.", nil}
	receiverPending = metric{"signet_receiver_pending_events", gauge, "Events that a receiver has not acknowledged, counted up to 1000. The receiver is its client_id; there are at most 100 in these metrics.", []string{"receiver"}}
	receiverLag     = metric{"signet_receiver_lag_seconds", gauge, "Age of the oldest event that a receiver has not acknowledged; 0: there is none.", []string{"receiver"}}

	connections       = metric{"signet_database_connections", gauge, "Connections to the database by state: in_use or idle. The pool is all (PostgreSQL), or reads or writes (SQLite).", []string{"pool", "state"}}
	connectionsLimit  = metric{"signet_database_connections_limit", gauge, "Connections that a pool may have; 0: any number.", []string{"pool"}}
	connectionWaits   = metric{"signet_database_connection_waits_total", counter, "Waits for a connection.", []string{"pool"}}
	connectionWaiting = metric{"signet_database_connection_wait_seconds_total", counter, "Time spent waiting for connections.", []string{"pool"}}
	diskFree          = metric{"signet_disk_free_bytes", gauge, "Free space where the SQLite database is.", nil}
	clockAhead        = metric{"signet_clock_ahead_seconds", gauge, "By how much this machine's clock is ahead of the database's; negative if it is behind.", nil}

	certificateExpiry   = metric{"signet_certificate_expiry_timestamp_seconds", gauge, "When the certificate of a name expires with which the server speaks HTTPS itself.", []string{"name"}}
	certificateLifetime = metric{"signet_certificate_lifetime_seconds", gauge, "For how long that certificate is valid from its beginning to its end.", []string{"name"}}
	hashesRunning       = metric{"signet_password_hashes_running", gauge, "Passwords that are being hashed.", nil}
	hashesWaiting       = metric{"signet_password_hashes_waiting", gauge, "Passwords that wait to be hashed.", nil}

	jobFailures = metric{"signet_job_failures_total", counter, "Runs of a periodic job that failed. The job is named as in the log.", []string{"job"}}
	jobSuccess  = metric{"signet_job_last_success_timestamp_seconds", gauge, "When a periodic job last succeeded.", []string{"job"}}

	buildInfo = metric{"signet_build_info", gauge, "1, with the versions of Signet and of Go.", []string{"version", "goversion"}}
	scrapeOK  = metric{"signet_scrape_ok", gauge, "1 if the database could be asked for what these metrics need, otherwise 0: then those are left out that need it.", nil}
)

// list is all of them, in the order of the reference.
var list = []*metric{
	&requestDuration, &tokensIssued, &tokensRefused, &introspections, &revocations, &signIns, &signInFailures, &limited, &decisions, &conditionsFailed,
	&batchSize, &batchFailures, &batchRunning, &queueDepth, &queueCapacity, &ready, &checkOK,
	&revisionsBehind, &cacheAge, &statusListAge, &signingKeys, &keyActivated, &keyRotation, &receivers, &receiverPending, &receiverLag,
	&connections, &connectionsLimit, &connectionWaits, &connectionWaiting, &diskFree, &clockAhead, &certificateExpiry, &certificateLifetime,
	&hashesRunning, &hashesWaiting, &jobFailures, &jobSuccess, &buildInfo, &scrapeOK,
}

// Described are the types and the help of all, by name.
func Described() map[string][2]string {
	all := map[string][2]string{}
	for _, m := range list {
		all[m.name] = [2]string{string(m.kind), m.help}
	}
	return all
}

// Reference is the table of docs/reference/metrics.md.
func Reference() string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | what it is |\n| --- | --- | --- | --- |\n")
	for _, m := range list {
		labels := make([]string, len(m.labels))
		for i, l := range m.labels {
			labels[i] = "`" + l + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, strings.Join(labels, ", "), m.help)
	}
	return b.String()
}
