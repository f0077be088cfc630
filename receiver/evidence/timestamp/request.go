package timestamp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/digitorus/timestamp"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// RequestTimeout is the time for one request, where the context has no earlier deadline.
const RequestTimeout = 30 * time.Second

// RequestOptions are for Request. The zero value is usable.
type RequestOptions struct {
	// Policy is the policy that the authority has to follow; nil: any.
	Policy asn1.ObjectIdentifier
	// Roots are checked as by Verify; without any the signature alone is, so that the token proves
	// nothing yet.
	Roots []*x509.Certificate
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Media types of RFC 3161, Section 3.4.
const (
	typeQuery = "application/timestamp-query"
	typeReply = "application/timestamp-reply"
)

// CheckURL says why no service can be at an address: it is absolute, and http or https.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return errors.New("timestamp: the address of the service is no URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("timestamp: the service %s: it must be http://… or https://…", u.Redacted())
	}
	return nil
}

// Request asks the service at an address for a token over digest, by HTTP (RFC 3161, Section 3.4),
// and checks it: digest, nonce, policy and signature, with Roots the path too. The address is the
// user's own, never that of a stranger: what it leads to is asked. Redirections are not followed.
//
// Errors name the service, without a password in its address.
func Request(ctx context.Context, address string, digest [sha256.Size]byte, opts RequestOptions) (token []byte, err error) {
	if err = CheckURL(address); err != nil {
		return nil, err
	}
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, err
	}
	query := timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: digest[:], Certificates: true, Nonce: nonce, TSAPolicyOID: opts.Policy}
	der, err := query.Marshal()
	if err != nil {
		return nil, fmt.Errorf("timestamp: the request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	reply, err := post(ctx, address, der)
	if err == nil {
		token, err = granted(reply)
	}
	if err == nil {
		token, err = accept(ctx, token, digest, nonce, &opts)
	}
	if err != nil {
		return nil, &serviceError{redacted(address), err}
	}
	return token, nil
}

// serviceError says which service is concerned.
type serviceError struct {
	address string
	err     error
}

func (e *serviceError) Error() string {
	return "timestamp: " + e.address + ": " + strings.TrimPrefix(e.err.Error(), "timestamp: ")
}

func (e *serviceError) Unwrap() error { return e.err }

// redacted is an address without password.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the service"
	}
	return u.Redacted()
}

// accept checks a token as it came, and returns it as it is kept.
func accept(ctx context.Context, token []byte, digest [sha256.Size]byte, nonce *big.Int, opts *RequestOptions) ([]byte, error) {
	kept, ok := strip(token)
	if !ok {
		return nil, errNoToken
	}
	t, _, err := read(kept, digest)
	now := time.Now
	if opts.Now != nil {
		now = opts.Now
	}
	switch {
	case err != nil:
		return nil, err
	// RFC 3161, Section 2.4.1: the same nonce.
	case t.Nonce == nil || t.Nonce.Cmp(nonce) != 0:
		return nil, errNonce
	case opts.Policy != nil && !t.Policy.Equal(opts.Policy):
		return nil, fmt.Errorf("timestamp: the token is under policy %s, not %s", t.Policy, opts.Policy)
	// RFC 3161, Section 2.2: whether it is recent.
	case t.Time.Sub(now()).Abs() > maxAhead:
		return nil, fmt.Errorf("timestamp: the token is of %s, and the clock of this machine says %s", t.Time.UTC().Format(time.RFC3339), now().UTC().Format(time.RFC3339))
	case len(opts.Roots) > 0:
		_, err = Verify(ctx, kept, digest, opts.Roots, now())
	}
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// post sends a request and returns the body of the answer.
func post(ctx context.Context, address string, query []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(query))
	if err != nil {
		return nil, errors.New("timestamp: the address of the service is no URL")
	}
	req.Header.Set("Content-Type", typeQuery)
	req.Header.Set("Accept", typeReply)
	client := http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // the caller names the address
		}
		return nil, fmt.Errorf("timestamp: no answer: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("timestamp: the service answers HTTP status %d", resp.StatusCode)
	case kind != typeReply:
		return nil, fmt.Errorf("timestamp: the service answers with something else than %s", typeReply)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxToken+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("timestamp: the answer breaks off: %w", err)
	case len(body) > MaxToken:
		return nil, fmt.Errorf("timestamp: an answer of more than %d octets", MaxToken)
	}
	return body, nil
}

// granted returns the token of RFC 3161, Section 2.4.2:
//
//	TimeStampResp ::= SEQUENCE {
//	  status          PKIStatusInfo,
//	  timeStampToken  TimeStampToken OPTIONAL }
//
//	PKIStatusInfo ::= SEQUENCE {
//	  status        PKIStatus,
//	  statusString  PKIFreeText OPTIONAL,
//	  failInfo      PKIFailureInfo OPTIONAL }
//
// Both granted (0) and grantedWithMods (1) give one: what was asked for is checked afterwards.
func granted(reply []byte) ([]byte, error) {
	outer := cryptobyte.String(reply)
	var s, info, token cryptobyte.String
	var status int
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() || !s.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1Integer(&status) {
		return nil, errors.New("timestamp: the answer is no TimeStampResp")
	}
	if status != 0 && status != 1 {
		return nil, fmt.Errorf("timestamp: the service refuses (status %d)%s", status, freeText(info))
	}
	if !s.ReadASN1Element(&token, cbasn1.SEQUENCE) || !s.Empty() {
		return nil, errors.New("timestamp: the answer holds no token")
	}
	return token, nil
}

// maxFreeText is how much of an authority's words an error repeats, in octets.
const maxFreeText = 200

// freeText is the first statusString (RFC 4210, Section 5.1.1), to be put behind an error.
func freeText(info cryptobyte.String) string {
	var list, text cryptobyte.String
	if !info.ReadOptionalASN1(&list, nil, cbasn1.SEQUENCE) || !list.ReadASN1(&text, cbasn1.UTF8String) {
		return ""
	}
	return fmt.Sprintf(": %+q", strings.ToValidUTF8(string(text[:min(len(text), maxFreeText)]), "?"))
}
