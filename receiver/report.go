package receiver

import (
	"cmp"
	"time"

	"dnseal/lookup"
	"dnseal/smime"
	"dnseal/smime/message"
)

// Report is the verdict on a message. Its JSON form is stable: fields are added, never renamed or
// removed.
type Report struct {
	// File is for the caller to set.
	File string `json:"file,omitempty"`
	// Verdict is the message's: the worst of the signatures bound to From.
	Verdict Verdict `json:"verdict"`
	// Code is a stable word (the Code constants), Reason a sentence; both are empty where there is
	// nothing to explain.
	Code   Code   `json:"code"`
	Reason string `json:"reason"`
	// From is the outer From address, the first of several (RFC 5322, Section 3.6.2);
	// ProtectedFrom the inner one of the signature that decided, where that is intact.
	From          string `json:"from"`
	ProtectedFrom string `json:"protected_from"`
	// MessageID, Date, Subject and To are the outer fields, with encoded words decoded, as far as
	// the first 1,000 characters and 100 addresses: they name the message and are proven only where
	// HeaderState is protected. Date is nil where it cannot be read.
	MessageID string     `json:"message_id"`
	Date      *time.Time `json:"date,omitempty"`
	Subject   string     `json:"subject"`
	// ProtectedSubject is the inner Subject of the signature that decided, where that is intact and
	// the outer one is another: an encryption hides it outside (RFC 9788).
	ProtectedSubject string `json:"protected_subject,omitempty"`
	// DecryptedSubject is the Subject inside an encryption that was opened, where no signature
	// proves it and the outer one is another.
	DecryptedSubject string   `json:"decrypted_subject,omitempty"`
	To               []string `json:"to"`
	// CheckedAt is when the message was checked.
	CheckedAt time.Time `json:"checked_at,omitzero"`
	// AsOf is set where kept evidence was checked instead of the DNS: the verdict is that of then.
	AsOf *time.Time `json:"as_of,omitempty"`
	// Evidence says what that verdict rests on.
	Evidence *EvidenceReport `json:"evidence,omitempty"`
	// Action is what an entry point does with the message, and Class what asks for that, where
	// [Receiver.Decide] was called.
	Action string `json:"action,omitempty"`
	Class  Class  `json:"class,omitempty"`

	Signatures []*SignatureReport `json:"signatures"`
	// Encryption has the layers of encryption around the content that were opened here, or could
	// not be, outermost first. None proves who encrypted.
	Encryption []EncryptionReport `json:"encryption,omitempty"`
	// Hops are the Received fields, the oldest first. They are not proven, so that HopsTrusted is
	// false.
	Hops        []Hop `json:"hops"`
	HopsTrusted bool  `json:"hops_trusted"`
	// HeaderState is whether the header that readers are shown is the one that was signed, as far
	// as the signatures that decided prove it. Empty, as in a report that was never judged, is
	// not protected.
	HeaderState smime.HeaderState `json:"header_state"`
	// HeaderRestored names the fields that an entry point put back as they were signed: then
	// HeaderState is that of the message as it is delivered.
	HeaderRestored []string `json:"header_restored,omitempty"`
	// ResentBy are those who say that they sent the message on (Resent-From: RFC 5322, Section
	// 3.6.6). They are claims.
	ResentBy []string `json:"resent_by,omitempty"`
	// Uncovered says what a reader may see that the signature does not cover, for people.
	Uncovered []string `json:"uncovered,omitempty"`
	// Remarks are sentences about what decides nothing and a person wants to know: a part that is
	// encrypted, a signing time more than an hour away from Date.
	Remarks []string `json:"remarks,omitempty"`

	// DKIM has the DKIM signatures that were checked, where Options.DKIM is set. They never make or
	// mend the verdict, nor decide what is done with the message.
	DKIM []DKIM `json:"dkim,omitempty"`

	// Digests are those of the message, where Options.Digests wants them.
	Digests *Digests `json:"-"`

	found *smime.Report
	// unjudged: what is wrong is wrong with the message as a whole.
	unjudged bool
	// unreadable is why not even the header could be read; nil: it was.
	unreadable error
	// deciding are the signatures that count.
	deciding []*SignatureReport
	// from are all outer From addresses, fromErr why they could not all be read: what policy goes
	// by.
	from    []message.Address
	fromErr error
	// shown are the authors that readers may show.
	shown message.Shown
	// lookups are the answers of the DNS, in the order of the questions.
	lookups []*lookup.Result
}

// Found returns what package smime found in the message: its signatures, in the order of
// Signatures, and its parts. It is nil where the message was not taken apart.
func (r *Report) Found() *smime.Report { return r.found }

// Lookups returns the answers of the DNS that the verdict rests on, in the order of the questions;
// of a name that was asked for once more past the cache the last answer.
func (r *Report) Lookups() []*lookup.Result { return r.lookups }

// SignatureReport is one signature of a Report.
type SignatureReport struct {
	// Part is the IMAP part number of the signature part (RFC 7281, Section 3.2.1).
	Part string `json:"part"`
	// Covers is "message" or "part N".
	Covers    smime.Coverage `json:"covers"`
	Verdict   Verdict        `json:"verdict"`
	Code      Code           `json:"code"`
	Integrity Answer         `json:"integrity"`
	// Identity is the name judged: a mail address or a DNS name; empty when none is stated.
	Identity string `json:"identity"`
	// NameBound says that something proven binds the name to this signature, and not only the
	// key. Without it any other may have put the key into a certificate with that name, whose
	// owner publishes the key.
	NameBound bool   `json:"name_bound"`
	Algorithm string `json:"algorithm"`
	// SigningTime is what the signer claims (RFC 5652, Section 11.3).
	SigningTime *time.Time         `json:"signing_time,omitempty"`
	Certificate *CertificateReport `json:"certificate,omitempty"`
	DNS         *DNSReport         `json:"dns,omitempty"`
	// Binding is the right by which the identity writes as From.
	Binding   Binding `json:"binding"`
	Freshness Answer  `json:"freshness"`
	// HeaderProtection is "none", "clear", "cipher" or "legacy"; Differences names the
	// protected fields whose outer value differs, and those that readers show or act on that
	// stand outside only.
	HeaderProtection smime.HeaderProtection `json:"header_protection"`
	Differences      []string               `json:"differences,omitempty"`
	// HeaderState is that of the header around the part that is signed.
	HeaderState smime.HeaderState `json:"header_state"`
	Reason      string            `json:"reason"`
	// PostQuantum is the signature by ML-DSA over the same content that stands beside this one. It
	// counts where its verdict is pass, which needs the same identity and a published key; it never
	// makes this one better.
	PostQuantum *SignatureReport `json:"post_quantum,omitempty"`
	// Lookup is the result the DNS answer rests on, for drawing the chain; nil when no lookup was
	// made.
	Lookup *lookup.Result `json:"-"`

	protectedFrom []message.Address
	// protectedSubject is the inner Subject where an encryption hid it.
	protectedSubject string
	// changes are the fields for which the header counts as changed, restoring what puts them
	// back, where that is asked for; otherwise is the finding but for the header, and
	// headerWord what became of that, when it is no longer HeaderState.
	changes    []string
	restoring  []message.Change
	otherwise  finding
	headerWord message.HeaderState
	// inner: it cannot be read, and is inside what another covers.
	inner bool
	// classes are those of all that was found, Code being only the worst.
	classes []Class
}

// DKIM is a DKIM signature (RFC 6376) that the message came with.
type DKIM struct {
	// Domain and Selector are the tags d= and s=, in lower case and A-labels; empty where they are
	// no names.
	Domain   string `json:"domain"`
	Selector string `json:"selector"`
	// Result is a word of RFC 8601, Section 2.7.1.
	Result Verdict `json:"result"`
	// DNS is the state of the key's record, a word of RFC 4035, Section 4.3; empty where it was not
	// asked for: what is incomplete, or over another body, is worth no lookup.
	DNS string `json:"dns"`
	// Code is a stable word for a result that is not a pass, Reason a sentence.
	Code   string `json:"code"`
	Reason string `json:"reason"`
	// Algorithm is the tag a=, Signature the first characters of b= (RFC 6008).
	Algorithm string `json:"algorithm"`
	Signature string `json:"b"`
	// OfFrom says that the domain of From is Domain or below it. It is a fact for readers: nothing
	// here decides by it.
	OfFrom bool `json:"of_from"`
	// Testing: the domain says that it only tests DKIM (RFC 6376, Section 3.6.1, t=y).
	Testing bool `json:"testing,omitempty"`
}

// CertificateReport describes the signer's certificate (RFC 5280, Section 4.1).
type CertificateReport struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial"` // hexadecimal, in lower case
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	SHA256    string    `json:"sha256"`
}

// DNSReport is what the DNS says about the identity; the words of Status are those of RFC 4035,
// Section 4.3.
type DNSReport struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Source is where the answer is from: "" for a resolver, [SourceEvidence] or [SourceStaple].
	Source string `json:"source,omitempty"`
	// Status and Presence are the words of [dnssec.Status] and [dane.Presence]; the result itself
	// is SignatureReport.Lookup.
	Status   string         `json:"status"`
	Presence string         `json:"presence"`
	TTL      int            `json:"ttl"` // seconds; 0 where the status is neither secure nor insecure
	Records  []RecordReport `json:"records"`
	// Warnings are sentences about what is not wrong in itself: a resolver that refuses what
	// validates here, one that was believed (mode ad-only).
	Warnings []string `json:"warnings,omitempty"`
}

// Sources of DNS answers that no resolver gave.
const (
	SourceEvidence = "evidence" // kept when the message was checked
	SourceStaple   = "staple"   // sent by the signer with the signature
)

// RecordReport is one record (RFC 6698, Section 2.1) and how it matched.
type RecordReport struct {
	Usage    uint8 `json:"usage"`
	Selector uint8 `json:"selector"`
	Matching uint8 `json:"matching"`
	// Result is "match", "no-match" or "unusable: why".
	Result string `json:"result"`
}

// Hop is one Received field (RFC 5321, Section 4.4).
type Hop struct {
	By string     `json:"by"`
	At *time.Time `json:"at,omitempty"`
}

// Answer is what a report says about the integrity or the freshness of a signature.
type Answer string

// Answers.
const (
	Good    Answer = "good"
	Bad     Answer = "bad"
	Unknown Answer = "unknown"
)

// Binding is the right by which the identity of a signature writes as the From address.
type Binding string

// Bindings.
const (
	BindingFrom Binding = "from" // it is that address
	BindingRule Binding = "rule" // a device, service or host that a rule lets use it
	BindingNone Binding = "none" // it has no right to
)

// newReport returns a report without verdict.
func newReport(from []message.Address, fromErr error) *Report {
	r := &Report{Signatures: []*SignatureReport{}, Hops: []Hop{}, To: []string{}, HeaderState: smime.HeaderUnprotected, from: from, fromErr: fromErr}
	if len(from) > 0 {
		r.From = from[0].String()
	}
	return r
}

// reportOn returns a report without verdict on m, which may be its header only.
func reportOn(m *message.Message) *Report {
	r := newReport(m.From())
	r.shown = m.Shown()
	r.repeats(m)
	return r
}

// showsInner adds those whom the values of the protected From show.
func (r *Report) showsInner(from []string) {
	var fields []message.Field
	for _, v := range from {
		fields = append(fields, message.Field{Raw: []byte("From: " + v + "\r\n")})
	}
	inner := message.ShownIn(fields...)
	r.shown.Domains, r.shown.Cut = append(r.shown.Domains, inner.Domains...), r.shown.Cut || inner.Cut
}

func (r *Report) conclude(f finding) {
	r.Verdict, r.Code, r.Reason = f.verdict, f.code, f.reason
}

// bound reports whether the signature speaks for the From address.
func (s *SignatureReport) bound() bool { return s.Binding != BindingNone }

// header is the word for the state in logs, metrics and results: the state, or "restored".
func (r *Report) header() message.HeaderState {
	if len(r.HeaderRestored) > 0 {
		return message.HeaderRestored
	}
	return cmp.Or(message.HeaderState(r.HeaderState), message.HeaderUnprotected)
}

func (s *SignatureReport) header() message.HeaderState {
	return cmp.Or(s.headerWord, message.HeaderState(s.HeaderState), message.HeaderUnprotected)
}

func (s *SignatureReport) finding() finding { return finding{s.Verdict, s.Code, s.Reason} }
