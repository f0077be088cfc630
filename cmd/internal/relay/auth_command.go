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
)

// cmdAuth is RFC 4954.
func (s *session) cmdAuth(ctx context.Context, arg string) bool {
	name, initial, hasInitial := strings.Cut(arg, " ")
	name = strings.ToUpper(name)
	switch {
	case !s.srv.auth.configured() || s.srv.opts.LMTP:
		return s.bad(replyUnknown)
	case name == "":
		return s.bad(replyArgument)
	case s.tls == nil:
		return s.bad(replyTLSFirst)
	case !s.esmtp || s.tx != nil || s.loggedIn():
		return s.bad(replySequence)
	}
	if wait := s.srv.auth.guesses.wait(clientKey(s.address()), time.Now()); wait > 0 {
		s.logLogin(ctx, name, loginGuessing, fmt.Errorf("%w: too many failed logins from this address", errUnavailable))
		return s.bad(replyAuthLater)
	}
	ms, err := s.srv.auth.offers(ctx, s)
	i := slices.IndexFunc(ms, func(m mechanism) bool { return m.name == name })
	switch {
	case i < 0 && err != nil:
		return s.loginReply(ctx, name, nil, unavailable("%w", err))
	case i < 0:
		s.logLogin(ctx, name, s.missing(name), errMechanism)
		return s.bad(say(504, "5.5.4", "Mechanism not available"))
	}
	proven, err := s.login(ctx, ms[i], initial, hasInitial)
	return s.loginReply(ctx, name, proven, err)
}

func (s *session) loggedIn() bool { return s.user != "" || s.tlsName != "" }

// login runs the exchange. The error is also errGone when the connection ended.
func (s *session) login(ctx context.Context, m mechanism, initial string, hasInitial bool) (*who, error) {
	x, err := m.begin(ctx, s)
	if err != nil {
		return nil, err
	}
	defer x.close()
	var response []byte
	if hasInitial {
		if response, err = decodeResponse(initial); err != nil {
			return nil, err
		}
	}
	for {
		challenge, proven, err := x.step(ctx, response)
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
	if !s.say(say(334, "", base64.StdEncoding.EncodeToString(challenge))) {
		return nil, errGone
	}
	l := s.srv.opts.Limits
	s.in.limit(l.CommandTimeout, l.CommandTimeout)
	line, err := s.in.line(maxCommand)
	switch {
	case errors.Is(err, errLineTooLong) || errors.Is(err, errBareLine):
		return nil, errResponse
	case err != nil:
		return nil, errGone
	case string(line) == "*":
		return nil, errCancelled
	}
	response, err := base64.StdEncoding.Strict().DecodeString(string(line))
	if err != nil {
		return nil, errResponse
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
		return nil, errResponse
	}
	return b, nil
}

// loginReply answers a login. One reply stands for every cause of refusal: the cause is for the
// log.
func (s *session) loginReply(ctx context.Context, mechanism string, proven *who, err error) bool {
	key := clientKey(s.address())
	switch {
	case err == nil && proven != nil:
		s.user, s.tlsName, s.auth = proven.user, proven.tlsName, mechanism
		s.srv.auth.guesses.right(key)
		s.srv.opts.Metrics.Login(s.srv.role(), s.srv.auth.label(mechanism), loginDone)
		return s.say(say(235, "2.7.0", "Welcome"))
	case errors.Is(err, errGone):
		return false
	case errors.Is(err, errResponse):
		return s.bad(say(501, "5.5.2", "Cannot decode the response"))
	case errors.Is(err, errCancelled):
		return s.bad(say(501, "5.7.0", "Login cancelled"))
	}
	if !errors.Is(err, errDenied) {
		s.logLogin(ctx, mechanism, loginUnavailable, err)
		return s.bad(replyAuthLater)
	}
	s.logLogin(ctx, mechanism, loginRefused, err)
	s.srv.auth.guesses.wrong(key, time.Now())
	s.refused++
	if !s.pause(ctx, s.refused) {
		return false
	}
	if s.refused >= s.srv.auth.opts.MaxFailures {
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
	if mechanism == mechanismExternal && s.srv.auth.hidesExternal(s.tls) {
		return loginVersion
	}
	return loginMechanism
}

// label is a mechanism as the label of a metric: clients can send any word.
func (a *authenticator) label(mechanism string) string {
	switch mechanism {
	case mechanismExternal, "PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5":
		return mechanism
	}
	return "other"
}

// logLogin logs and counts a login that failed.
func (s *session) logLogin(ctx context.Context, mechanism, result string, err error) {
	s.srv.opts.Metrics.Login(s.srv.role(), s.srv.auth.label(mechanism), result)
	s.srv.opts.Log.LogAttrs(ctx, slog.LevelWarn, "relay: login failed", slog.String("client", s.address().String()),
		slog.String("mechanism", printable(mechanism)), slog.String("reason", result), slog.String("error", err.Error()))
}

// pause makes the n-th failed login of a connection slower than the one before.
func (s *session) pause(ctx context.Context, n int) bool {
	select {
	case <-time.After(s.srv.auth.opts.Pause << min(n-1, 5)):
		return true
	case <-ctx.Done():
		return false
	}
}
