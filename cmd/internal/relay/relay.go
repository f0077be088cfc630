// Package relay passes mail on: SMTP or LMTP in, a handler that signs or
// verifies, SMTP or LMTP out to the next hop. It never knows S/MIME.
//
// It is synchronous and has no queue: MAIL and RCPT go to the next hop as they come, so that each
// recipient's answer is the real one; a message is read whole, passed to the [message.Handler],
// sent to the next hop with the handler's edit applied, and answered with 250 only after the next
// hop's 250. Whatever fails before is a 4xx, or the next hop's own reply. A crash can lose nothing
// that was accepted; it can make duplicates (RFC 1047).
//
// A message passes through the files in this order: server.go, arrivals.go, lanes.go and options.go
// (connections), proxy.go (client address), session.go, guard.go and hello.go (commands),
// auth_command.go (AUTH; package sasl checks who it is), envelope.go and path.go (MAIL, RCPT),
// intake.go (DATA, BDAT; package wire), deliver.go and forms.go (handler, forms, and by
// wire.Reply.Forward the next hop's reply), refresh.go, complete.go and received.go (fields we
// add), eightbit.go (RFC 6152), record.go (log). Package nexthop is the client side. [Probe] tests
// next hops.
//
// The server stands on go-smtp (RFC 5321, 2033, 2034, 2920, 3207, 4954). The library runs the
// dialogue: greeting, the reply to EHLO, the order of MAIL, RCPT and DATA, RSET, NOOP, VRFY, QUIT,
// the SASL exchange, one reply for each recipient of LMTP. A guard (guard.go, backend.go) is the
// connection the library sees. It reads the client's lines, checks them, and gives the library a
// fixed command for each that is right, so that no byte of a client reaches the library's parsers.
// It does itself what the library cannot be given: SIZE that holds exactly (RFC 1870), chunks (RFC
// 3030), STARTTLS, RCPT together to the next hop, replies that are the next hop's own, content by
// blocks, the rules for where content ends and for a connection whose content broke off, deadlines
// and limits. Where the two are not at the same place, the connection ends: each reply of the
// library must be expected, none may be missing when a command begins, and what the library refuses
// is never answered with success.
//
// The client for next hops is our own (package nexthop). That of the library sends RCPT one at a
// time, BODY and ORCPT not as they came, and knows neither XCLIENT, nor TLS for LMTP, nor a HELO
// for servers that refuse EHLO with an unusual code.
//
// Only CRLF ends a line, everywhere. A message that holds any other CR or LF is refused, because
// the next server might see its end there (smuggling). Where a header ends without its empty line
// (firstline.go) it is written, so that the next hop sees the same header that was signed or
// verified.
//
// [Deny] (deny.go, denyfile.go) shuts a client out before any lookup, also one that is connected
// when the list changes, with the message that comes in then; else a message is handled to its end
// by the settings of its MAIL command. Refused connections and logins are logged and counted with
// their cause (refusals.go).
//
// # Limitations
//
// There is no queue: while no next hop answers, clients get 4xx and must try again. A message is
// not bounced, and no delivery status is made (RFC 3461 parameters go to the next hop). VRFY
// confirms nothing (RFC 5321, Section 7.3), EXPN, HELP and ETRN are not there. Addresses are
// checked for their form only. The caller must give each listener its own Server.
package relay
