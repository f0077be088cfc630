package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"dnseal/cmd/internal/relay/wire"
)

// maxCommand is the longest command line that is read: AUTH with an initial response (RFC 4954,
// Section 4).
const maxCommand = 12288

// guard is a client's connection as go-smtp sees it, above TLS. No byte of the client reaches the
// library. For a command that passed our checks it reads a fixed one, and each of its replies goes
// out, or the one that is expected in its place.
type guard struct{ *session }

// Replies expected of the library that are none of ours.
var (
	ofLibrary = wire.Reply{}         // the library's own goes out
	silence   = wire.Reply{Code: -1} // nothing goes out
)

// singleListener accepts one connection, which is already there.
type singleListener struct{ net.Conn }

// Accept implements net.Listener.
func (l *singleListener) Accept() (net.Conn, error) {
	conn := l.Conn
	if l.Conn = nil; conn == nil {
		return nil, io.EOF
	}
	return conn, nil
}

// Close implements net.Listener.
func (l *singleListener) Close() error { return nil }

// Addr implements net.Listener.
func (l *singleListener) Addr() net.Addr { return nil }

// startLibrary gives the connection a library server of its own, because the EHLO keywords are
// fields of the server. Its goroutine ends the session, by Close.
func (s *session) startLibrary() {
	s.lib = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return backend{s}, nil }))
	s.lib.Domain, s.lib.LMTP, s.lib.MaxMessageBytes = s.srv.opts.Hostname, s.srv.opts.LMTP, s.srv.opts.Limits.MaxBytes
	s.lib.AllowInsecureAuth = true // the library cannot see TLS; mechanisms can
	s.lib.ErrorLog = slog.NewLogLogger(s.srv.opts.Log.Handler(), slog.LevelError)
	if s.tls == nil {
		s.lib.TLSConfig = s.srv.opts.TLS
	}
	s.expected = []wire.Reply{ofLibrary}       // the greeting
	_ = s.lib.Serve(&singleListener{guard{s}}) // the listener's io.EOF
}

// pass gives the library a command; replies are what goes out in the place of its own.
func (s *session) pass(command string, replies ...wire.Reply) {
	s.feed += command + "\r\n"
	s.expected = append(s.expected, replies...)
}

// recover ends the session after a panic.
func (s *session) recover(p any) {
	if p != nil {
		s.srv.opts.Log.LogAttrs(s.srv.ctx, slog.LevelError, "relay: a session failed", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		s.quit = true
	}
}

// Read gives the library its next command. It reads only when it has replied to all before.
func (g guard) Read(p []byte) (int, error) {
	defer func() { g.recover(recover()) }()
	for len(g.feed) == 0 {
		if len(g.expected) > 0 {
			g.outOfStep("reads without a reply")
		}
		if g.quit {
			return 0, io.EOF
		}
		g.next(g.srv.ctx)
	}
	n := copy(p, g.feed)
	g.feed = g.feed[n:]
	return n, nil
}

// Write reads what the library replies.
func (g guard) Write(p []byte) (int, error) {
	defer func() { g.recover(recover()) }()
	g.libLine = append(g.libLine, p...)
	for {
		line, rest, ok := bytes.Cut(g.libLine, []byte("\r\n"))
		if !ok {
			return len(p), nil
		}
		code, text, last, ok := wire.ParseReplyLine(string(line))
		if !ok {
			g.outOfStep("sends no reply")
			return len(p), nil
		}
		g.libReply.Code, g.libReply.Lines = code, append(g.libReply.Lines, text)
		if g.libLine = append(g.libLine[:0], rest...); last {
			g.replied(g.libReply)
			g.libReply.Lines = g.libReply.Lines[:0]
		}
	}
}

// replied sends a reply of the library, or what is expected in its place.
func (s *session) replied(r wire.Reply) {
	if len(s.expected) == 0 {
		if !s.quit {
			s.outOfStep("sends a reply too many")
		}
		return
	}
	want := s.expected[0]
	s.expected = slices.Delete(s.expected, 0, 1)
	switch {
	case r.Code >= 400 && want.Code < 400:
		s.outOfStep("refuses")
	case want.Code > 0:
		s.reply(want)
	case want.Code == ofLibrary.Code:
		if s.verb == "EHLO" || s.verb == "LHLO" || s.verb == "HELO" {
			// RFC 5321, Section 4.1.1.1: the reply begins with our name.
			r.Lines[0] = s.srv.opts.Hostname
			if s.lib.EnableREQUIRETLS {
				r.Lines = append(r.Lines, "REQUIRETLS")
			}
		}
		s.reply(r)
	}
}

// outOfStep ends the session where the library and the guard are not at the same place.
func (s *session) outOfStep(what string) {
	s.srv.opts.Log.LogAttrs(s.srv.ctx, slog.LevelError, "relay: a session failed", slog.String("error", "go-smtp "+what), slog.String("command", s.verb))
	s.expected, s.quit = nil, true
}

// Close ends the session.
func (g guard) Close() error {
	if !g.ended {
		g.ended, g.quit = true, true // commands after QUIT may be in the buffer
		g.end()
	}
	return nil
}

// LocalAddr implements net.Conn.
func (g guard) LocalAddr() net.Addr { return g.conn.LocalAddr() }

// RemoteAddr implements net.Conn.
func (g guard) RemoteAddr() net.Addr { return g.conn.RemoteAddr() }

// SetDeadline implements net.Conn. Deadlines are those of next, and of wire.Writer.
func (g guard) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (g guard) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (g guard) SetWriteDeadline(time.Time) error { return nil }

// next reads one line of the client: a command, or the response to a challenge.
func (s *session) next(ctx context.Context) {
	// RFC 2920, Section 3.2: replies may wait while further commands are already here.
	if s.in.Pending() == nil && s.out.Flush() != nil {
		s.quit = true
		return
	}
	l := s.srv.opts.Limits
	s.in.Limit(l.CommandTimeout, s.contentTime(l.CommandTimeout))
	s.in.Rest(s.tx == nil && !s.challenged)
	line, err := s.in.Line(maxCommand)
	s.in.Rest(false)
	malformed := errors.Is(err, wire.ErrLineTooLong) || errors.Is(err, wire.ErrBareLine)
	switch {
	case s.challenged && (err == nil || malformed):
		s.receiveResponse(string(line), malformed)
	case errors.Is(err, wire.ErrLineTooLong):
		s.replyError(replyTooLong)
	case malformed:
		s.replyError(replySyntax)
	case err == nil:
		s.command(ctx, string(line))
	case errors.Is(err, wire.ErrTLSHello):
		s.quit = true
		s.srv.refused(ctx, s.address(), refusedHello, "the client speaks TLS at once, and this listener begins without it; for such clients tls = \"implicit\" is needed")
	default:
		s.quit = true
		// RFC 5321, Section 3.8: 421 before a server that shuts down closes.
		if errors.Is(err, wire.ErrClosing) && s.shutOut(ctx) {
			s.reply(replyDenied)
		} else if errors.Is(err, wire.ErrClosing) {
			s.reply(replyClosing)
		} else if errors.Is(err, os.ErrDeadlineExceeded) {
			s.reply(replyTimeout)
		}
	}
}

// command checks a command line and passes it on, or replies.
func (s *session) command(ctx context.Context, line string) {
	verb, arg, _ := strings.Cut(line, " ")
	arg = strings.TrimRight(arg, " ")
	s.verb = strings.ToUpper(verb)
	if s.shutOut(ctx) {
		s.reply(replyDenied)
		return
	}
	switch s.verb {
	case "EHLO", "LHLO", "HELO":
		if !s.tooIdle() {
			s.cmdHello(ctx, arg)
		}
	case "STARTTLS":
		s.cmdStartTLS(ctx, arg)
	case "AUTH":
		s.cmdAuth(arg)
	case "MAIL":
		s.cmdMail(ctx, arg)
	case "RCPT":
		s.cmdRcpt(ctx, arg)
	case "DATA":
		if r := s.beforeContent(arg == ""); r.Code != 0 {
			s.replyError(r)
			return
		}
		s.pass("DATA", ofLibrary)
	case "BDAT":
		s.cmdChunk(ctx, arg)
	// RFC 5321, Section 4.1.1.9: what follows NOOP is ignored, so the verb alone goes on.
	case "RSET", "NOOP", "VRFY", "QUIT":
		if s.verb == "QUIT" || !s.tooIdle() {
			s.pass(s.verb, ofLibrary)
		}
	// RFC 5321, Section 4.2.4: 500 for a command that is not recognized.
	default:
		s.replyError(replyUnknown)
	}
}
