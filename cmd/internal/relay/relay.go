// Package relay passes mail on: SMTP or LMTP in, a handler that signs or
// verifies, SMTP or LMTP out to the next hop. It never knows S/MIME.
//
// It is synchronous and has no queue: MAIL and RCPT go to the next
// hop as they come, so that each recipient's answer is the real one; a message
// is read whole, passed to the [message.Handler], sent to the next hop with
// the handler's edit applied, and answered with 250 only after the next hop's
// 250. Whatever fails before is a 4xx, or the next hop's own reply. A crash can
// lose nothing that was accepted; it can make duplicates (RFC 1047).
//
// A message passes through the files in this order: server.go and options.go (connections),
// proxy.go (client address), session.go and hello.go (commands), auth_command.go (logins; package
// sasl), envelope.go and path.go (MAIL, RCPT), intake.go (DATA, BDAT; package wire), deliver.go and
// forms.go (handler, forms, reply), refresh.go, complete.go and received.go (fields we add),
// eightbit.go (RFC 6152), record.go (log). Package nexthop is the client side. [Probe] tests next
// hops.
//
// The server is our own (RFC 5321, 1870, 2033, 2034, 2920, 3030, 3207, 3461,
// 4954, 6152, 6531, 8689) instead of go-smtp's, which cannot be given: EHLO
// keywords that depend on the next hop, SIZE limits that hold exactly, a reply
// for each pipelined RCPT from elsewhere, content by blocks (its byte loops
// cost 60 ms per 5 MiB), and our own rules for where content ends and what a connection is
// worth after content that broke off.
//
// Only CRLF ends a line, everywhere. A message that holds any other CR or LF is refused, because
// the next server might see its end there (smuggling). Where a header ends without its empty line
// (firstline.go) it is written, so that the next hop sees the same header that was signed or
// verified.
//
// [Deny] shuts a client out before any lookup, also one that is connected when the list changes; a
// message is handled to its end by the settings of its MAIL command. Refused connections and logins
// are logged and counted with their cause (refusals.go).
//
// # Limitations
//
// There is no queue: while no next hop answers, clients get 4xx and must try again. A message is
// not bounced, and no delivery status is made (RFC 3461 parameters go to the next hop). VRFY tells
// nothing (RFC 5321, Section 7.3), EXPN, HELP and ETRN are not there. Addresses are checked for
// their form only. The caller must give each listener its own Server.
package relay
