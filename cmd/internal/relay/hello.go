package relay

import (
	"context"
	"crypto/tls"
	"log/slog"
	"slices"
	"time"

	"dnseal/cmd/internal/relay/sasl"
	"dnseal/cmd/internal/relay/wire"
)

// cmdHello passes on EHLO, LHLO and HELO (RFC 5321, Section 4.1.1.1). What the next hop must do as
// well is offered only when it offers it.
func (s *session) cmdHello(ctx context.Context, arg string) {
	// RFC 2033, Section 4.1: LHLO in the place of HELO and EHLO.
	if (s.verb == "LHLO") != s.srv.opts.LMTP {
		s.replyError(replyUnknown)
		return
	}
	if arg == "" {
		s.replyError(replyArgument)
		return
	}
	// RFC 5321, Section 4.1.4: EHLO ends a transaction, as RSET does.
	s.dropTransaction()
	s.hello, s.esmtp, s.offered = arg, s.verb != "HELO", nil
	s.peer.Hello, s.peer.ESMTP = hostToken(arg), s.esmtp
	if s.esmtp {
		s.offered = s.hopExtensions(ctx)
	}
	s.lib.EnableSMTPUTF8 = slices.Contains(s.offered, "SMTPUTF8")
	s.lib.EnableDSN = slices.Contains(s.offered, "DSN")
	s.lib.EnableREQUIRETLS = slices.Contains(s.offered, "REQUIRETLS")
	s.pass(s.verb+" x", ofLibrary)
}

// hopExtensions are the EHLO keywords that hold because the next hop offers them.
func (s *session) hopExtensions(ctx context.Context) []string {
	ext, encrypted, err := s.srv.pool.Offered(ctx, s.peer)
	if err != nil {
		s.srv.opts.Log.LogAttrs(ctx, hopLevel(err), "relay: next hop", slog.String("error", err.Error()))
	}
	var words []string
	for _, w := range []string{"SMTPUTF8", "DSN", "REQUIRETLS"} {
		// RFC 8689, Section 2: only over TLS, and only for what can be kept further on.
		if _, ok := ext[w]; ok && (w != "REQUIRETLS" || encrypted && s.tls != nil) {
			words = append(words, w)
		}
	}
	return words
}

// mechanisms are the names of the SASL mechanisms offered to this client.
func (s *session) mechanisms(ctx context.Context) []string {
	if s.srv.opts.LMTP || s.loggedIn() {
		return nil
	}
	ms, err := s.srv.auth.Mechanisms(ctx, s.client())
	if err != nil {
		s.srv.opts.Log.LogAttrs(ctx, slog.LevelWarn, "relay: logins", slog.String("error", err.Error()))
	}
	var names []string
	for _, m := range ms {
		names = append(names, m.Name)
	}
	return names
}

// cmdStartTLS is RFC 3207. The library has no part in it.
func (s *session) cmdStartTLS(ctx context.Context, arg string) {
	switch {
	case s.srv.opts.TLS == nil || s.srv.opts.Implicit:
		s.replyError(replyUnknown)
		return
	// RFC 3207, Section 4: no parameters.
	case arg != "":
		s.replyError(replyArgument)
		return
	case s.tls != nil || s.tx != nil:
		s.replyError(replySequence)
		return
	case s.in.Buffered() > 0:
		// RFC 3207, Section 6: commands sent ahead in clear must never count inside TLS.
		s.reply(wire.NewReply(554, "5.5.1", "Commands after STARTTLS before TLS"))
		s.quit = true
		return
	}
	s.reply(wire.NewReply(220, "2.0.0", "Ready to start TLS"))
	if s.out.Flush() != nil || !s.encrypt(ctx) {
		s.quit = true
		return
	}
	// RFC 3207, Section 4.2: all that was said before is forgotten.
	s.hello, s.esmtp, s.offered = "", false, nil
	// RFC 3207, Section 4.2: STARTTLS is not offered inside TLS.
	s.lib.TLSConfig = nil
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
