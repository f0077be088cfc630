// Package wire is what both sides of SMTP and LMTP share: lines, replies and message content on one
// connection (RFC 5321, 2033, 3030). It needs nothing else of this project.
//
// [Input] (input.go) reads lines below deadlines, [Content] (content.go) is a message as it comes by
// DATA or BDAT, [Reply] (reply.go) an answer.
//
// Only CRLF ends a line, and only CRLF "." CRLF ends content. Content is read in blocks, not byte by
// byte, and what cannot be stored is read to its end and dropped, so that the rest of a message
// never becomes commands.
//
// # Limitations
//
// A CR or LF outside a CRLF is reported ([Content.Bare]), not refused: the caller must refuse it.
// There is no limit on the size of content here: the writer has one. Command syntax and the order of
// commands are the caller's.
package wire
