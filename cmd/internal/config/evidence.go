package config

import (
	"crypto/x509"
	"fmt"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/receiver/evidence/timestamp"
)

// Evidence configures what is kept of verdicts ([evidence]), so that "dnseal verify --evidence" can
// show them years later: dnseal-evidence(5).
type Evidence struct {
	// Dir is a folder in which a file a day is kept for each process, of mode 0600: for each signed
	// message that is verified some 700 bytes, and once a day the records and signatures that the
	// verdicts rest on. A file is sealed when its day (UTC) is over, when the process ends, or,
	// where it was killed, when the next one starts. Mail does not wait for it: what came is
	// written after 10 milliseconds, which a process that is killed loses, and put on disk every
	// minute. Where a file cannot be written, because the disk is full, mail goes on: that is
	// logged once a minute, and counted by the metric dnseal_evidence_messages_total. Default:
	// nothing is kept.
	Dir string `toml:"dir"`
	// Keep is how long files are kept, with a unit: "90d", "12h". Older ones are removed, at the
	// start and once a day, whichever program wrote them into Dir. "0d": for ever. Default: "365d".
	Keep *Period `toml:"keep"`
	// Identity signs each file when it is sealed, and its records at that time are kept in it: one
	// of identities. A reader is then told who says when the evidence was made. Default: none.
	Identity string `toml:"identity"`
	// Timestamp is the http or https address of a time-stamping service (RFC 3161), which stamps
	// each file when it is sealed, so that the time of the verdicts does not rest on the word of
	// this machine. Where it does not answer in 5 seconds the file is sealed without, and that is
	// logged. Default: files are not stamped.
	Timestamp string `toml:"timestamp"`
	// TimestampRoots is a PEM file with the roots of that service: a stamp that they do not vouch
	// for is not used. Default: stamps are checked when the evidence is read (dnseal verify
	// --timestamp-roots).
	TimestampRoots string `toml:"timestamp-roots"`
}

// checkEvidence checks [evidence] without reading a file.
func (c *Config) checkEvidence(n *notes) {
	if c.Evidence.Identity != "" && c.Evidence.Dir == "" {
		n.wrong("evidence.identity", "identity needs dir: the evidence in it is what is signed")
	}
	if c.Evidence.Identity != "" && c.Identities == "" {
		n.wrong("evidence.identity", "identity needs identities, the directory that it is in")
	}
	if c.Evidence.Timestamp == "" {
		if c.Evidence.TimestampRoots != "" {
			n.wrong("evidence.timestamp-roots", "timestamp-roots needs timestamp, the address of the service")
		}
		return
	}
	if c.Evidence.Dir == "" {
		n.wrong("evidence.timestamp", "timestamp needs dir: the evidence in it is what is stamped")
	}
	if err := timestamp.CheckURL(c.Evidence.Timestamp); err != nil {
		n.wrong("evidence.timestamp", "%s", strip(err))
	}
}

// loadEvidence reads the file of roots.
func (c *Config) loadEvidence(n *notes) {
	if c.Evidence.TimestampRoots == "" {
		return
	}
	roots, err := ReadRoots(c.Evidence.TimestampRoots)
	if err != nil {
		n.wrong("evidence.timestamp-roots", "%s", err)
	}
	c.loaded.stampRoots = roots
}

// TimestampRoots are the certificates in the file of that key; none: stamps are not checked by
// them.
func (c *Config) TimestampRoots() []*x509.Certificate { return c.loaded.stampRoots }

// Period is a length of time in the file that may be days: "365d".
type Period time.Duration

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *Period) UnmarshalText(text []byte) error {
	var s cli.Span
	if err := s.Set(string(text)); err != nil {
		return fmt.Errorf("%q is no time; write a number with its unit in quotes, such as \"365d\" or \"12h\"", text)
	}
	*p = Period(s)
	return nil
}

// defaultKeep is that of [evidence].
const defaultKeep = 365 * 24 * time.Hour

// EvidenceKept is how long evidence is kept; 0: for ever.
func (c *Config) EvidenceKept() time.Duration {
	if c.Evidence.Keep == nil {
		return defaultKeep
	}
	return time.Duration(*c.Evidence.Keep)
}
