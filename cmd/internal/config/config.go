// Package config reads dnseal.toml, the one file of the relay and the milter.
//
// The structs are the manual: [Config], with [Relay] and [Milter] (listeners.go), [Sign] (sign.go),
// [Route] (route.go), [On] (actions.go) and the structs below, holds every key, with its meaning
// and its default at the field ("dnseal man" makes dnseal.toml(5) of the same comments).
//
// [Load] reads a file strictly. An unknown key, a value that makes no sense and a
// named file that cannot be used are each one [Mistake] with file, line, cause and
// remedy. There are three stages, and a stage runs only when the one before has found
// nothing: TOML syntax and types, where the first mistake ends the reading; keys and
// values, where all mistakes are reported together; and the files that the configuration
// names, again all together.
//
// A new key is a field of its struct; its default, where that is not zero, in load.go; its check in
// check_listeners.go, check_sign.go or check.go; a file that it names in files.go; and a line in
// convert.go, for the option of the package that acts on it.
//
// What Load returns is complete: keys and certificates are in memory, and
// the methods that turn it into the options of other packages cannot fail.
package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"dnseal/cmd/internal/dkim"
	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
	"dnseal/sender/identity/decryption"
	"dnseal/sender/identity/live"
)

// Config is a dnseal.toml. A daemon needs at least one listener of its kind in it.
type Config struct {
	// Identities is the directory of the identities that may sign here. Mandatory where a listener
	// signs.
	Identities string `toml:"identities"`
	// AuthservID is the name used in Authentication-Results (RFC 8601, Section 2.5); other
	// verifiers on the same host need another name. Every role, also a signing one, removes
	// incoming fields that bear this name (RFC 8601, Section 5). Default: hostname.
	AuthservID string `toml:"authserv-id"`
	// Hostname is our name in greetings, Received and Message-ID. Default: the host's name.
	Hostname string `toml:"hostname"`
	// PKIXRoots is a PEM file of trusted roots for mail. CA-issued signatures whose signer
	// publishes no record are verified by them, and so are TLSA and SMIMEA records of usages 0 and
	// 1 (RFC 6698, Section 2.1.1). Default: none; such signatures are neutral.
	PKIXRoots string `toml:"pkix-roots"`

	DNS       DNS       `toml:"dns"`
	Sign      Sign      `toml:"sign"`
	Routes    []Route   `toml:"route"`
	Verify    Verify    `toml:"verify"`
	DKIM      DKIM      `toml:"dkim"`
	Publish   Publish   `toml:"publish"`
	Evidence  Evidence  `toml:"evidence"`
	On        On        `toml:"on"`
	ReplyText ReplyText `toml:"reply-text"`
	Domains   []Domain  `toml:"domain"`
	Relays    []Relay   `toml:"relay"`
	Milters   []Milter  `toml:"milter"`
	Metrics   Metrics   `toml:"metrics"`
	Service   Service   `toml:"service"`
	Log       Log       `toml:"log"`

	loaded loaded
	notes  *notes
}

// At returns the place of a key such as "relay[0].listen" as "FILE:LINE", for errors that are found
// after Load.
func (c *Config) At(key string) string {
	if line := c.notes.line(key); line > 0 {
		return fmt.Sprintf("%s:%d", c.notes.file, line)
	}
	return c.notes.file
}

// loaded is what Load has read from other files.
type loaded struct {
	identities map[string]*identity.Identity
	live       live.Set // the same, as they are now
	anchors    *dnssec.Anchors
	tsig       *publish.Key // of [publish]; nil: none
	dkim       []dkim.Key
	roots      []*x509.Certificate
	stampRoots []*x509.Certificate
	decryption *decryption.Live // nil: no route decrypts
	denied     *denyFiles
	servers    map[string]*tls.Certificate // by certificate file
	hopRoots   map[string]*x509.CertPool   // by file
	passwords  map[string]nexthop.Secret   // by file
}

// DNS configures how names are looked up ([dns]).
type DNS struct {
	// Resolvers are recursive resolvers, tried in order: "host:port" or "tls://host:853#name".
	// Default: those of /etc/resolv.conf.
	Resolvers []string `toml:"resolvers"`
	// Mode is "validate" (answers are validated here), "both" (they are validated here, and the
	// resolver must set AD too) or "ad-only" (the AD bit of the resolver is trusted; only over
	// loopback or DNS over TLS: RFC 4035, Section 4.9.3). Default: "validate".
	Mode string `toml:"mode"`
	// TrustAnchor is a file with DS or DNSKEY records in zone-file form; in a file that unbound
	// maintains by RFC 5011, Section 4.2, keys in the states VALID and MISSING count. Default: the
	// keys of the DNS root.
	TrustAnchor string `toml:"trust-anchor"`
	// Allow lists the signer domains that may be looked up, each with all domains below it. Aliases
	// may lead to them only. Default: any.
	Allow []string `toml:"allow"`
	// Deny lists signer domains that are never looked up, each with all domains below it. No alias
	// to them is followed. Default: none.
	Deny []string `toml:"deny"`
	// Timeout is the time limit of one lookup, for example "5s". Default: 5 seconds.
	Timeout Duration `toml:"timeout"`
	// CacheBytes is the size of the cache of answers, in bytes. Default: 64 MiB.
	CacheBytes Size `toml:"cache-bytes"`
	// Lookups is how many lookups may run at the same time. Half of them are reserved for signer
	// domains that have answered lately. Default: 256.
	Lookups int `toml:"lookups"`
	// DomainLookups is how many of them may run in one signer domain. Default: 8.
	DomainLookups int `toml:"domain-lookups"`
	// MaxTTL is the longest time that a signer's records are kept, whatever their TTL is. A
	// withdrawn key can count until then. Default: "1h".
	MaxTTL Duration `toml:"max-ttl"`
	// ResolverPause is how long a resolver that failed is not used. It doubles with each failure,
	// up to a minute. Default: "5s".
	ResolverPause Duration `toml:"resolver-pause"`
	// AllowSHA1 validates zones signed with SHA-1 (algorithms 5 and 7) instead of treating them as
	// unsigned (RFC 9905). Default: false.
	AllowSHA1 bool `toml:"allow-sha1"`
	// Probe is a zone that is bogus on purpose. In mode "ad-only" a resolver is trusted only when
	// it refuses this zone. Default: "dnssec-failed.org".
	Probe  string `toml:"probe"`
	Limits Limits `toml:"limits"`
}

// Verify limits the cost of verifying ([verify]).
type Verify struct {
	// MaxBytes is the size in bytes of the largest message that is verified; a larger one is of
	// class too-big. Default: what the listener accepts.
	MaxBytes Size `toml:"max-bytes"`
	// Timeout is the time limit of all lookups for one message together; after it the message is of
	// class dns-error. It should be shorter than the time that the MTA waits for a filter. Default:
	// "15s".
	Timeout Duration `toml:"timeout"`
	// KeepEncrypted is a directory that gets each message as it came before it is delivered
	// decrypted ([[route]] decrypt), encrypted as it is, a file each. Where it cannot be written
	// the message is of class internal-error. Nothing is removed from it. Default: none is kept.
	KeepEncrypted string `toml:"keep-encrypted"`
}

// Metrics configures the address for Prometheus and health checks ([metrics]).
type Metrics struct {
	// Listen is a loopback "host:port" or "unix:/path" for /metrics, /healthz, /readyz and
	// /devices. A change needs a restart. Default: nowhere.
	Listen string `toml:"listen"`
	// ListenMilter is the same for "dnseal milter", where that and "dnseal relay" run by one file
	// on one machine: an address has one daemon. Default: that of listen.
	ListenMilter string `toml:"listen-milter"`
	// Devices is how many clients that log in at a relay are remembered for /devices, which shows
	// in a JSON object a line when each of them last logged in, handed in a message and was refused
	// (with "?name=NAME" one of them). Those seen last stay; 100,000 need about 20 MiB. A restart
	// forgets them, and is needed for a change. Default: 100000.
	Devices int `toml:"devices"`
}

// Service configures how a daemon behaves behind a balancer ([service]).
type Service struct {
	// Health is a "host:port" for /healthz and /readyz alone, without metrics: a balancer on
	// another machine may reach it. A change needs a restart. Default: nowhere but at the metrics.
	Health string `toml:"health"`
	// Drain is how long, from SIGTERM on, /readyz answers 503 while new clients are still accepted,
	// so that a balancer sends them elsewhere before the listeners close; then messages in progress
	// finish. At most "1m". Needs health, or the metrics' listen. Default: "0s".
	Drain Duration `toml:"drain"`
}

// Log configures the log on standard error ([log]).
type Log struct {
	// Format is "text" (key=value) or "json". A change needs a restart. Default: "text".
	Format string `toml:"format"`
}

// MetricsListen is the key and the address of a daemon's metrics, "relay" or "milter"; an empty
// address: none.
func (c *Config) MetricsListen(daemon string) (key, address string) {
	if daemon == "milter" && c.Metrics.ListenMilter != "" {
		return "metrics.listen-milter", c.Metrics.ListenMilter
	}
	return "metrics.listen", c.Metrics.Listen
}
