package relay

import (
	"context"
	"crypto/sha256"
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

// cmdAuth checks an AUTH command (RFC 4954, Section 4). The library runs the exchange.
func (s *session) cmdAuth(arg string) {
	name, initial, hasInitial := strings.Cut(arg, " ")
	switch {
	case !s.srv.auth.Configured() || s.srv.opts.LMTP:
		s.replyError(replyUnknown)
		return
	case name == "":
		s.replyError(replyArgument)
		return
	case s.tls == nil:
		s.replyError(replyTLSFirst)
		return
	// RFC 4954, Section 4: neither in a transaction nor after a login.
	case !s.esmtp || s.tx != nil || s.loggedIn():
		s.replyError(replySequence)
		return
	}
	s.mechanism, s.response, s.responseErr = strings.ToUpper(name), nil, nil
	if hasInitial {
		s.response, s.responseErr = decodeResponse(initial)
	}
	s.pass("AUTH X")
}

func (s *session) loggedIn() bool { return s.user != "" || s.tlsName != "" }

// client is the connection as a SASL mechanism sees it.
func (s *session) client() sasl.Client {
	return sasl.Client{TLS: s.tls, Addr: s.peer.Addr, Claim: s.claim}
}

// errGuessing is [sasl.ErrUnavailable] for a client that has failed too often.
var errGuessing = fmt.Errorf("%w: too many failed logins", sasl.ErrUnavailable)

// guesses are the failures of the mechanism's kind, and guesser whose of them count: one device
// must not lock out all others behind its address, nor a stranger who has no key the one that has
// it.
func (s *session) guesses() *sasl.Guesses {
	if s.mechanism == sasl.External {
		return &s.srv.auth.Keys
	}
	return &s.srv.auth.Guesses
}

func (s *session) guesser(name string) sasl.Guesser {
	g := sasl.Guesser{Addr: clientKey(s.address())}
	switch {
	case s.mechanism == sasl.External && len(s.tls.PeerCertificates) > 0:
		key := sha256.Sum256(s.tls.PeerCertificates[0].RawSubjectPublicKeyInfo)
		g.Name = string(key[:])
	case s.srv.isCrowd(s.address()):
		g.Name = name
	}
	return g
}

// freeKeys is how many logins by key of one address may fail before refusals get slower.
const freeKeys = 50

// strange counts a failed login by key of an address, and returns by how many steps its pause is
// longer: who brings a new key each time is slowed too. No other login is: a device that has its
// key may be behind the same address.
func (s *session) strange(now time.Time) int {
	if s.mechanism != sasl.External {
		return 0
	}
	n := s.srv.auth.Strangers.Failed(sasl.Guesser{Addr: clientKey(s.address())}, now)
	return max(n-freeKeys, 0) / 10
}

// claim is told the name that a login is for, before anything is proven.
func (s *session) claim(name string) error {
	s.claimed = name
	if s.guesses().Wait(s.guesser(name), time.Now()) > 0 {
		return fmt.Errorf("%w as %q from this address", errGuessing, name)
	}
	return nil
}

// beginLogin starts the exchange, or refuses.
func (s *session) beginLogin(ctx context.Context) bool {
	name := s.mechanism
	s.claimed = ""
	byName := s.mechanism == sasl.External || s.srv.isCrowd(s.address()) // by claim
	if !byName && s.guesses().Wait(s.guesser(""), time.Now()) > 0 {
		s.logLogin(ctx, name, loginGuessing, fmt.Errorf("%w from this address", errGuessing))
		s.expected = append(s.expected, s.countError(replyAuthLater))
		return false
	}
	ms, err := s.srv.auth.Mechanisms(ctx, s.client())
	i := slices.IndexFunc(ms, func(m sasl.Mechanism) bool { return m.Name == name })
	if i < 0 && err == nil {
		// RFC 4954, Section 4: 504 for a mechanism that is not supported.
		s.logLogin(ctx, name, s.missing(name), errMechanism)
		s.expected = append(s.expected, s.countError(wire.NewReply(504, "5.5.4", "Mechanism not available")))
		return false
	}
	if i >= 0 {
		s.login, err = ms[i].Begin(ctx, s.client())
	} else {
		err = fmt.Errorf("%w: %w", sasl.ErrUnavailable, err)
	}
	if err != nil {
		s.finishLogin(ctx, nil, err)
	}
	return err == nil
}

// stepLogin goes on with the exchange; done: a reply to the login is expected.
func (s *session) stepLogin(ctx context.Context) (challenge []byte, done bool) {
	var proven *sasl.Principal
	err := s.responseErr
	if err == nil {
		challenge, proven, err = s.login.Step(ctx, s.response)
	}
	if s.challenged = err == nil && proven == nil; s.challenged {
		s.expected = append(s.expected, ofLibrary)
		return challenge, false
	}
	s.finishLogin(ctx, proven, err)
	return nil, true
}

// endLogin frees the exchange. Safe without one.
func (s *session) endLogin() {
	if s.login != nil {
		s.login.Close()
	}
	s.login = nil
}

var errCancelled = errors.New("relay: login cancelled")

// receiveResponse keeps the response to a challenge for the exchange.
func (s *session) receiveResponse(line string, malformed bool) {
	s.challenged = false
	s.response, s.responseErr = nil, sasl.ErrResponse
	switch {
	case malformed:
	// RFC 4954, Section 4: "*" cancels.
	case line == "*":
		s.responseErr = errCancelled
	default:
		if b, err := base64.StdEncoding.Strict().DecodeString(line); err == nil {
			// Not nil even where it is empty: nil stands for no response.
			s.response, s.responseErr = append([]byte{}, b...), nil
		}
	}
	s.pass("=")
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

// finishLogin chooses the reply that ends a login. One stands for every cause of refusal: the cause
// is for the log.
func (s *session) finishLogin(ctx context.Context, proven *sasl.Principal, err error) {
	s.endLogin()
	key := s.guesser(s.claimed)
	r := replyAuthLater
	switch {
	case err == nil:
		s.user, s.tlsName, s.auth = proven.User, proven.TLSName, s.mechanism
		s.know()
		s.guesses().Succeeded(key)
		s.countLogin(s.mechanism, loginDone, nil)
		s.expected = append(s.expected, wire.NewReply(235, "2.7.0", "Welcome"))
		return
	// RFC 4954, Section 4: 501 5.5.2 for a response that cannot be decoded.
	case errors.Is(err, sasl.ErrResponse):
		r = wire.NewReply(501, "5.5.2", "Cannot decode the response")
	case errors.Is(err, errCancelled):
		r = wire.NewReply(501, "5.7.0", "Login cancelled")
	case errors.Is(err, errGuessing):
		s.logLogin(ctx, s.mechanism, loginGuessing, err)
	case !errors.Is(err, sasl.ErrDenied):
		s.logDeferred(ctx, s.mechanism, err)
	default:
		s.logLogin(ctx, s.mechanism, loginRefused, err)
		s.guesses().Failed(key, time.Now())
		s.refused++
		if !s.pause(ctx, s.refused+s.strange(time.Now())) {
			s.quit = true
			return
		}
		if r = replyAuthFailed; s.refused >= s.srv.auth.MaxFailures {
			s.quit = true
			s.expected = append(s.expected, replyErrors)
			return
		}
	}
	s.expected = append(s.expected, s.countError(r))
}

// Results of a login; labels of a metric.
const (
	loginDone        = "done"
	loginRefused     = "refused"      // wrong password, name or certificate
	loginUnavailable = "unavailable"  // could not be checked now
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

// countLogin reports a login for metrics. Their labels are few: clients can send any mechanism.
func (s *session) countLogin(mechanism, result string, err error) {
	switch mechanism {
	case sasl.External, "PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5":
	default:
		mechanism = "other"
	}
	if s.srv.opts.OnLogin == nil {
		return
	}
	l := Login{Mechanism: mechanism, Result: result, Cause: sasl.Cause(err), User: s.user, TLSName: s.tlsName}
	switch {
	case s.loggedIn() || s.claimed == "":
	case mechanism == sasl.External:
		l.TLSName = s.claimed
	case s.srv.auth.HasUser(s.claimed):
		l.User = s.claimed
	}
	s.srv.opts.OnLogin(l)
}

// deferredPause is how long after a log line about a zone that does not answer, or about a service
// for passwords, the next is written.
const deferredPause = time.Minute

// logDeferred counts a login that could not be checked, and logs it once for many: where a zone is
// down all its devices come again and again.
func (s *session) logDeferred(ctx context.Context, mechanism string, err error) {
	s.countLogin(mechanism, loginUnavailable, err)
	about := slog.String("service", wire.Printable(mechanism))
	if z, ok := errors.AsType[*sasl.ZoneError](err); ok {
		about = slog.String("zone", z.Zone)
	}
	skipped, ok := s.srv.refusals.due(about.Key+about.Value.String(), deferredPause, time.Now())
	if !ok {
		return
	}
	s.srv.opts.Log.LogAttrs(ctx, slog.LevelWarn, "relay: logins deferred", about, slog.String("client", s.address().String()),
		slog.String("name", wire.Printable(s.claimed)), slog.String("error", err.Error()), slog.Int("not_logged", skipped))
}

// logLogin logs and counts a login that failed.
func (s *session) logLogin(ctx context.Context, mechanism, result string, err error) {
	s.countLogin(mechanism, result, err)
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
