// Package relay passes mail on: SMTP or LMTP in, a handler that signs or
// verifies, SMTP or LMTP out to the next hop. It never knows S/MIME.
//
// It is synchronous and has no queue: MAIL and RCPT go to the next
// hop as they come, so that each recipient's answer is the real one; a message
// is taken in whole, handed to the [message.Handler], sent to the next hop with
// the handler's edit applied, and answered with 250 only after the next hop's
// 250. Whatever fails before is a 4xx, or the next hop's own reply. A crash can
// lose nothing that was accepted; it can make duplicates (RFC 1047).
//
// A message walks through the files in this order: server.go and options.go
// (connections), proxy.go (whose they are), session.go and hello.go (commands),
// auth*.go and passwd.go (who is there), envelope.go and path.go (MAIL, RCPT),
// input.go, content.go and intake.go (DATA, BDAT), deliver.go and forms.go
// (handler, forms, answer), refresh.go, complete.go and received.go (fields we add),
// nexthop.go, pool.go, client.go, hoptls.go, login.go, peer.go, transfer.go and
// stuff.go (next hop), reply.go, record.go (log). [Probe] asks a next hop
// whether all that would work.
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
package relay
