// Package receiver judges a message: verify the signatures, look up the
// signer's records, match, bind to From, apply policy, report (DESIGN 4).
package receiver

import (
	"context"
	"crypto/x509"
	"io"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/smime/message"
)

// Verdict is an RFC 8601 result word. The zero value is "", which is not a pass.
type Verdict string

// Verdicts (DESIGN 4).
const (
	None      Verdict = "none"
	Pass      Verdict = "pass"
	Fail      Verdict = "fail"
	Policy    Verdict = "policy"
	Neutral   Verdict = "neutral"
	TempError Verdict = "temperror"
	PermError Verdict = "permerror"
)

// Domain is a security domain (DESIGN 10, [[domain]]).
type Domain struct {
	Names   []string            // "bank.example", "*.bank.example"
	Require string              // "", "nothing", "signature", "protected"
	Devices map[string][]string // device name glob -> From address globs
	On      map[string]message.Action
}

// Options configure a Receiver. The zero value of each field but Lookup is safe.
type Options struct {
	Lookup  lookup.Resolver
	Limits  dnssec.Limits
	Domains []Domain
	// On maps classes of DESIGN 10 to actions; missing: the defaults.
	On map[string]message.Action
	// PKIXRoots judge CA-issued signatures without a record; nil: neutral.
	PKIXRoots *x509.CertPool
	// AuthservID for Authentication-Results; needed by Handle only.
	AuthservID string
	// Saved says that messages come from an archive: what is absent now may have been there then (code not-published-now).
	Saved bool
	// Observe only logs: Handle always accepts and changes nothing.
	Observe bool
	Now     func() time.Time
}

// Receiver judges. Safe for concurrent use.
type Receiver struct{}

var _ message.Handler = (*Receiver)(nil)

// New checks the options and returns a Receiver.
func New(opts Options) (*Receiver, error) { panic("unwritten") }

// Verify judges m. The error is only for trouble of this machine; what could not be told about the message is in the Report.
func (r *Receiver) Verify(ctx context.Context, m *message.Message) (*Report, error) {
	panic("unwritten")
}

// Handle implements message.Handler: Verify, remove forged results, add ours, apply policy.
func (r *Receiver) Handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	panic("unwritten")
}

// Report is the verdict as DESIGN 9 fixes it: its JSON form is the stable one.
type Report struct {
	File          string             `json:"file,omitempty"`
	Verdict       Verdict            `json:"verdict"`
	Code          string             `json:"code"`
	Reason        string             `json:"reason"`
	From          string             `json:"from"`
	ProtectedFrom string             `json:"protected_from"`
	Signatures    []*SignatureReport `json:"signatures"`
	Hops          []Hop              `json:"hops"`
	HopsTrusted   bool               `json:"hops_trusted"`
}

// SignatureReport is one signature of a Report.
type SignatureReport struct {
	Part             string             `json:"part"`
	Covers           string             `json:"covers"`
	Verdict          Verdict            `json:"verdict"`
	Code             string             `json:"code"`
	Integrity        string             `json:"integrity"`
	Identity         string             `json:"identity"`
	Algorithm        string             `json:"algorithm"`
	SigningTime      *time.Time         `json:"signing_time,omitempty"`
	Certificate      *CertificateReport `json:"certificate,omitempty"`
	DNS              *DNSReport         `json:"dns,omitempty"`
	Binding          string             `json:"binding"`
	Freshness        string             `json:"freshness"`
	HeaderProtection string             `json:"header_protection"`
	Reason           string             `json:"reason"`
	// Lookup is the result the DNS answer rests on, for drawing the chain; nil when no lookup was made.
	Lookup *lookup.Result `json:"-"`
}

// CertificateReport describes the signer's certificate.
type CertificateReport struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	SHA256    string    `json:"sha256"`
}

// DNSReport is what the DNS said about the identity.
type DNSReport struct {
	Name     string         `json:"name"`
	Type     string         `json:"type"`
	Status   string         `json:"status"`
	Presence string         `json:"presence"`
	TTL      int            `json:"ttl"` // seconds
	Records  []RecordReport `json:"records"`
}

// RecordReport is one record and how it matched.
type RecordReport struct {
	Usage    uint8  `json:"usage"`
	Selector uint8  `json:"selector"`
	Matching uint8  `json:"matching"`
	Result   string `json:"result"`
}

// Hop is one Received field.
type Hop struct {
	By string     `json:"by"`
	At *time.Time `json:"at,omitempty"`
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error { panic("unwritten") }
