package relay

import (
	"context"
	"crypto/tls"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"dnseal/cmd/internal/relay/sasl"
	"dnseal/cmd/internal/relay/wire"
)

// cmdHello answers EHLO, LHLO and HELO (RFC 5321, 4.1.1.1; RFC 2033, 4.1).
func (s *session) cmdHello(ctx context.Context, verb, arg string) bool {
	if (verb == "LHLO") != s.srv.opts.LMTP {
		return s.bad(replyUnknown)
	}
	if arg == "" {
		return s.bad(replyArgument)
	}
	s.dropTransaction()
	s.hello, s.esmtp = arg, verb != "HELO"
	s.peer.Hello, s.peer.ESMTP = hostToken(arg), s.esmtp
	r := wire.Reply{Code: 250, Lines: []string{s.srv.opts.Hostname}}
	s.offered = nil
	if s.esmtp {
		s.offered = s.extensions(ctx)
		r.Lines = append(r.Lines, s.offered...)
	}
	return s.say(r)
}

// extensions are the EHLO keywords. What the next hop must do as well is offered only when it
// offers it.
func (s *session) extensions(ctx context.Context) []string {
	words := []string{
		"PIPELINING",
		"SIZE " + strconv.FormatInt(s.srv.opts.Limits.MaxBytes, 10),
		"8BITMIME",
		"ENHANCEDSTATUSCODES",
		"CHUNKING",
	}
	if s.srv.opts.TLS != nil && s.tls == nil {
		words = append(words, "STARTTLS")
	}
	if m := s.mechanisms(ctx); m != "" {
		words = append(words, "AUTH"+m)
	}
	ext, encrypted, err := s.srv.pool.Offered(ctx, s.peer)
	if err != nil {
		s.srv.opts.Log.LogAttrs(ctx, slog.LevelWarn, "relay: next hop", slog.String("error", err.Error()))
	}
	for _, w := range []string{"SMTPUTF8", "DSN"} {
		if _, ok := ext[w]; ok {
			words = append(words, w)
		}
	}
	// RFC 8689, Section 2: only over TLS, and only for what can be kept further on.
	if _, ok := ext["REQUIRETLS"]; ok && encrypted && s.tls != nil {
		words = append(words, "REQUIRETLS")
	}
	return words
}

// mechanisms are the words after AUTH, each with a space before it.
func (s *session) mechanisms(ctx context.Context) string {
	if s.srv.opts.LMTP || s.loggedIn() {
		return ""
	}
	ms, err := s.srv.auth.Mechanisms(ctx, s.client())
	if err != nil {
		s.srv.opts.Log.LogAttrs(ctx, slog.LevelWarn, "relay: logins", slog.String("error", err.Error()))
	}
	var b strings.Builder
	for _, m := range ms {
		b.WriteString(" " + m.Name)
	}
	return b.String()
}

// cmdStartTLS is RFC 3207.
func (s *session) cmdStartTLS(ctx context.Context, arg string) bool {
	switch {
	case s.srv.opts.TLS == nil || s.srv.opts.Implicit:
		return s.bad(replyUnknown)
	case arg != "":
		return s.bad(replyArgument)
	case s.tls != nil || s.tx != nil:
		return s.bad(replySequence)
	case s.in.Buffered() > 0:
		// RFC 3207, Section 6: commands sent ahead in clear must never count inside TLS.
		s.say(wire.NewReply(554, "5.5.1", "Commands after STARTTLS before TLS"))
		return false
	}
	if !s.say(wire.NewReply(220, "2.0.0", "Ready to start TLS")) || !s.encrypt(ctx) {
		return false
	}
	// RFC 3207, Section 4.2: all that was said before is forgotten.
	s.hello, s.esmtp, s.offered = "", false, nil
	return true
}

func (s *session) encrypt(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn := tls.Server(s.conn, s.srv.opts.TLS)
	if err := conn.HandshakeContext(ctx); err != nil {
		s.srv.refused(ctx, s.address(), refusedTLS, err.Error())
		return false
	}
	state := conn.ConnectionState()
	s.conn, s.tls = conn, &state
	s.in.Swap(conn)
	s.out.Reset(&wire.Writer{Conn: conn})
	if s.srv.auth.HidesExternal(s.tls) && len(state.PeerCertificates) > 0 {
		s.logLogin(ctx, sasl.External, loginVersion, sasl.ErrVersion)
	}
	return true
}
