// Package sasl logs clients of a relay in (RFC 4422). It has the mechanisms and what they know of
// users; the AUTH command itself (RFC 4954) is the server's.
//
// Start at sasl.go: an [Authenticator] offers the [Mechanism]s that fit a connection. plain.go is
// PLAIN (RFC 4616) against a file of password hashes (passwd.go), dovecot.go passes mechanisms
// through to Dovecot, external.go is EXTERNAL by TLS client certificate and TLSA record
// (draft-ietf-dance-client-auth). guesses.go slows down those who guess passwords.
//
// # Limitations
//
// Nothing is offered without TLS. Acting as another user (authorization identity) is refused.
// Channel binding (RFC 5929, RFC 9266) is not supported, so no mechanism whose name ends in -PLUS is
// offered. EXTERNAL needs TLS 1.3, because older versions send the client certificate in clear.
// Counts of failed logins are per process and are lost with it. The caller must pause after
// failures, and must tell the client one reply for every cause.
package sasl
