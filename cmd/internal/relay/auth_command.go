package relay

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"dnseal/cmd/internal/relay/sasl"
	"dnseal/cmd/internal/relay/wire"
)

// cmdAuth is RFC 4954.
func (s *session) cmdAuth(ctx context.Context, arg string) bool {
	name, initial, hasInitial := strings.Cut(arg, " ")
	name = strings.ToUpper(name)
	switch {
	case !s.srv.auth.Configured() || s.srv.opts.LMTP:
		return s.bad(replyUnknown)
	case name == "":
		return s.bad(replyArgument)
	case s.tls == nil:
		return s.bad(replyTLSFirst)
	case !s.esmtp || s.tx != nil || s.loggedIn():
		return s.bad(replySequence)
	}
	if wait := s.srv.auth.Guesses.Wait(clientKey(s.address()), time.Now()); wait > 0 {
		s.logLogin(ctx, name, loginGuessing, fmt.Errorf("%w: too many failed logins from this address", sasl.ErrUnavailable))
		return s.bad(replyAuthLater)
	}
	ms, err := s.srv.auth.Mechanisms(ctx, s.client())
	i := slices.IndexFunc(ms, func(m sasl.Mechanism) bool { return m.Name == name })
	switch {
	case i < 0 && err != nil:
		return s.loginReply(ctx, name, nil, fmt.Errorf("%w: %w", sasl.ErrUnavailable, err))
	case i < 0:
		s.logLogin(ctx, name, s.missing(name), errMechanism)
		return s.bad(wire.NewReply(504, "5.5.4", "Mechanism not available"))
	}
	proven, err := s.login(ctx, ms[i], initial, hasInitial)
	return s.loginReply(ctx, name, proven, err)
}

func (s *session) loggedIn() bool { return s.user != "" || s.tlsName != "" }

// client is the connection as a SASL mechanism sees it.
func (s *session) client() sasl.Client { return sasl.Client{TLS: s.tls, Addr: s.peer.Addr} }

// login runs the exchange. The error is also errGone when the connection ended.
func (s *session) login(ctx context.Context, m sasl.Mechanism, initial string, hasInitial bool) (*sasl.Principal, error) {
	x, err := m.Begin(ctx, s.client())
	if err != nil {
		return nil, err
	}
	defer x.Close()
	var response []byte
	if hasInitial {
		if response, err = decodeResponse(initial); err != nil {
			return nil, err
		}
	}
	for {
		challenge, proven, err := x.Step(ctx, response)
		if err != nil || proven != nil {
			return proven, err
		}
		if response, err = s.ask(challenge); err != nil {
			return nil, err
		}
	}
}

var (
	errGone      = errors.New("relay: client left during its login")
	errCancelled = errors.New("relay: login cancelled")
)

// ask sends a challenge and reads the response to it.
func (s *session) ask(challenge []byte) ([]byte, error) {
	if !s.say(wire.NewReply(334, "", base64.StdEncoding.EncodeToString(challenge))) {
		return nil, errGone
	}
	l := s.srv.opts.Limits
	s.in.Limit(l.CommandTimeout, l.CommandTimeout)
	line, err := s.in.Line(maxCommand)
	switch {
	case errors.Is(err, wire.ErrLineTooLong) || errors.Is(err, wire.ErrBareLine):
		return nil, sasl.ErrResponse
	case err != nil:
		return nil, errGone
	case string(line) == "*":
		return nil, errCancelled
	}
	response, err := base64.StdEncoding.Strict().DecodeString(string(line))
	if err != nil {
		return nil, sasl.ErrResponse
	}
	// Not nil even where it is empty: nil stands for no response.
	return append([]byte{}, response...), nil
}

// decodeResponse reads an initial response, where "=" stands for an empty one (RFC 4954, Section
// 4).
func decodeResponse(s string) ([]byte, error) {
	if s == "=" {
		return []byte{}, nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) == 0 {
		return nil, sasl.ErrResponse
	}
	return b, nil
}

// loginReply answers a login. One reply stands for every cause of refusal: the cause is for the
// log.
func (s *session) loginReply(ctx context.Context, mechanism string, proven *sasl.Principal, err error) bool {
	key := clientKey(s.address())
	switch {
	case err == nil && proven != nil:
		s.user, s.tlsName, s.auth = proven.User, proven.TLSName, mechanism
		s.srv.auth.Guesses.Succeeded(key)
		s.srv.opts.Metrics.Login(s.srv.role(), label(mechanism), loginDone)
		return s.say(wire.NewReply(235, "2.7.0", "Welcome"))
	case errors.Is(err, errGone):
		return false
	case errors.Is(err, sasl.ErrResponse):
		return s.bad(wire.NewReply(501, "5.5.2", "Cannot decode the response"))
	case errors.Is(err, errCancelled):
		return s.bad(wire.NewReply(501, "5.7.0", "Login cancelled"))
	}
	if !errors.Is(err, sasl.ErrDenied) {
		s.logLogin(ctx, mechanism, loginUnavailable, err)
		return s.bad(replyAuthLater)
	}
	s.logLogin(ctx, mechanism, loginRefused, err)
	s.srv.auth.Guesses.Failed(key, time.Now())
	s.refused++
	if !s.pause(ctx, s.refused) {
		return false
	}
	if s.refused >= s.srv.auth.MaxFailures {
		s.say(replyErrors)
		return false
	}
	return s.bad(replyAuthFailed)
}

// Results of a login; labels of a metric.
const (
	loginDone        = "done"
	loginRefused     = "refused"      // wrong password, name or certificate
	loginUnavailable = "unavailable"  // could not be judged now
	loginGuessing    = "guessing"     // too many failures before
	loginVersion     = "tls-version"  // EXTERNAL is not offered to this version of TLS
	loginMechanism   = "no-mechanism" // not offered to this client
)

var errMechanism = errors.New("this mechanism is not offered to the client")

// missing is the result where a mechanism was not offered.
func (s *session) missing(mechanism string) string {
	if mechanism == sasl.External && s.srv.auth.HidesExternal(s.tls) {
		return loginVersion
	}
	return loginMechanism
}

// label is a mechanism as the label of a metric: clients can send any word.
func label(mechanism string) string {
	switch mechanism {
	case sasl.External, "PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5":
		return mechanism
	}
	return "other"
}

// logLogin logs and counts a login that failed.
func (s *session) logLogin(ctx context.Context, mechanism, result string, err error) {
	s.srv.opts.Metrics.Login(s.srv.role(), label(mechanism), result)
	s.srv.opts.Log.LogAttrs(ctx, slog.LevelWarn, "relay: login failed", slog.String("client", s.address().String()),
		slog.String("mechanism", wire.Printable(mechanism)), slog.String("reason", result), slog.String("error", err.Error()))
}

// pause makes the n-th failed login of a connection slower than the one before.
func (s *session) pause(ctx context.Context, n int) bool {
	select {
	case <-time.After(s.srv.auth.Pause << min(n-1, 5)):
		return true
	case <-ctx.Done():
		return false
	}
}
