package migration

import (
	"cmp"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
)

// OpenDKIM reads an opendkim.conf(5), and the SigningTable, KeyTable and InternalHosts that it
// names. Errors: those of [cli.ReadFile]; a line that is no text; a file without SigningTable and
// without Domain and KeyFile.
func OpenDKIM(file string) (*Rules, error) {
	rows, err := readRows(file)
	if err != nil {
		return nil, err
	}
	o := openDKIM{Rules: &Rules{}, file: file, conf: map[string]row{}}
	for _, r := range rows {
		o.conf[strings.ToLower(r.key)] = r // the last counts
	}
	switch {
	case o.has("SigningTable"):
		err = o.tables()
	case o.has("Domain") && o.has("KeyFile"):
		err = o.oneKey()
	default:
		return nil, fmt.Errorf("migration: %s has neither SigningTable nor Domain and KeyFile: it signs nothing, or is no opendkim.conf", file)
	}
	if err == nil {
		err = o.submitters()
	}
	if err != nil {
		return nil, err
	}
	o.remarks()
	return o.Rules, nil
}

type openDKIM struct {
	*Rules
	file string
	conf map[string]row // by name of the parameter, in lower case
	from []string       // patterns of addresses that are signed
}

func (o *openDKIM) has(name string) bool { return o.conf[strings.ToLower(name)].value != "" }

func (o *openDKIM) value(name string) string { return o.conf[strings.ToLower(name)].value }

// yes reports whether a boolean parameter is set.
func (o *openDKIM) yes(name string) bool {
	v := strings.ToLower(o.value(name))
	return v != "" && strings.ContainsRune("yt1", rune(v[0]))
}

// kinds of data sets that are no text files (opendkim(8), Data Sets).
var kindsLeft = []string{"db", "dsn", "erlang", "ldap", "ldaps", "ldapi", "lua", "mdb", "memcache", "repute", "socket"}

// dataset is what a parameter names: the rows of a file, or those of a list between commas. left
// reports that it is of a kind that is not read, which is noted.
func (o *openDKIM) dataset(name string) (rows []row, patterns, left bool, err error) {
	at := o.conf[strings.ToLower(name)]
	kind, rest, found := strings.Cut(at.value, ":")
	switch {
	case found && (kind == "file" || kind == "refile"):
		rows, err = readRows(rest)
		return rows, kind == "refile", false, err
	case found && slices.Contains(kindsLeft, kind):
		o.left(at.place, "%s is of kind %s:, which is not read; write its content as lines KEY VALUE, and name it as file:PATH", name, kind)
		return nil, false, true, nil
	case strings.HasPrefix(at.value, "/"):
		rows, err = readRows(at.value)
		return rows, false, false, err
	}
	for v := range strings.SplitSeq(strings.TrimPrefix(at.value, "csl:"), ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(v), "=")
		rows = append(rows, row{at.place, key, value})
	}
	return rows, false, false, nil
}

// oneKey is the form with Domain, Selector and KeyFile.
func (o *openDKIM) oneKey() error {
	domains, _, left, err := o.dataset("Domain")
	if err != nil || left {
		return err
	}
	for _, d := range domains {
		domain := strings.ToLower(d.key)
		if !o.address(d.place, "*@"+domain) {
			continue
		}
		o.key(Key{domain, o.value("Selector"), o.value("KeyFile")})
		if o.yes("SubDomains") {
			o.address(d.place, "*@*."+domain)
		}
	}
	return nil
}

// tables is the form with SigningTable and KeyTable.
func (o *openDKIM) tables() error {
	signers, patterns, left, err := o.dataset("SigningTable")
	if err != nil || left {
		return err
	}
	keyRows, _, left, err := o.dataset("KeyTable")
	if err != nil || left {
		return err
	}
	keys := map[string]row{}
	for _, r := range keyRows {
		keys[r.key] = r
	}
	for _, s := range signers {
		o.signer(s, patterns, keys)
	}
	return nil
}

// signer is a row of the SigningTable: a pattern of addresses, and the name of a key.
func (o *openDKIM) signer(s row, patterns bool, keys map[string]row) {
	pattern := wildcard(s.key)
	if !patterns {
		pattern = lookedUp(s.key)
	}
	if pattern == "" {
		o.left(s.place, "%s matches no address", s.key)
		return
	}
	if !o.address(s.place, pattern) {
		return
	}
	name, _, _ := strings.Cut(s.value, ":") // behind it is the value of i=
	name = strings.TrimSpace(name)
	_, domain, _ := strings.Cut(pattern, "@")
	if name == "%" {
		name = domain
	}
	if k, found := keys[name]; found {
		o.tableKey(s, k, domain)
		return
	}
	o.left(s.place, "there is no key %s in the KeyTable", cmp.Or(name, "(none)"))
}

// tableKey is a row of the KeyTable, for senders of a domain, which s names.
func (o *openDKIM) tableKey(s, k row, domain string) {
	d, rest, _ := strings.Cut(k.value, ":")
	selector, file, _ := strings.Cut(rest, ":")
	open := strings.Contains(domain, "*")
	switch {
	case d == "" || selector == "" || file == "":
		o.left(k.place, "want DOMAIN:SELECTOR:FILE as the value of %s", k.key)
	case !slices.ContainsFunc([]string{"/", "./", "../"}, func(p string) bool { return strings.HasPrefix(file, p) }):
		o.left(k.place, "the private key itself stands there; write it into a file of mode 0600, and name that")
	case open && (d == "%" || strings.Contains(file, "%")):
		o.left(k.place, "%% stands for each domain that matches %s; write an entry of dkim.sign for each of them", domain)
	default:
		d = strings.ToLower(strings.ReplaceAll(d, "%", domain))
		if domain != d && !strings.HasSuffix(domain, "."+d) {
			o.left(s.place, "%s is signed by %s there; a key here signs for its own domain and those below it", s.key, d)
			return
		}
		o.key(Key{d, selector, strings.ReplaceAll(file, "%", domain)})
	}
}

// address adds a pattern of addresses that are signed, and reports whether it is one.
func (o *openDKIM) address(at place, pattern string) bool {
	if !o.pattern(at, pattern) {
		return false
	}
	if !slices.Contains(o.from, pattern) {
		o.from = append(o.from, pattern)
	}
	return true
}

// wildcard is the pattern here for one of a refile:, where a star also matches an @.
func wildcard(pattern string) string {
	switch {
	case strings.Contains(pattern, "@"):
		return lowerDomain(pattern)
	case strings.HasPrefix(pattern, "*"):
		return lowerDomain("*@" + pattern)
	}
	return ""
}

// lookedUp is the pattern for a key of a table in which addresses are looked up: user@host, host,
// user@.domain, .domain, user@* and *.
func lookedUp(key string) string {
	local, domain, found := strings.Cut(key, "@")
	if !found {
		local, domain = "*", key
	}
	if strings.HasPrefix(domain, ".") {
		domain = "*" + domain
	}
	return lowerDomain(local + "@" + domain)
}

func lowerDomain(pattern string) string {
	local, domain, _ := strings.Cut(pattern, "@")
	if local == "" || domain == "" {
		return ""
	}
	return local + "@" + strings.ToLower(domain)
}

// submitters are those for whom OpenDKIM signs: who logged in, and InternalHosts.
func (o *openDKIM) submitters() error {
	if len(o.from) == 0 {
		return nil
	}
	who := []string{"user:*"}
	if !o.has("InternalHosts") {
		who = append(who, "net:127.0.0.1")
	} else if hosts, _, left, err := o.dataset("InternalHosts"); err != nil {
		return err
	} else if !left {
		for _, h := range hosts {
			who = append(who, o.host(h)...)
		}
	}
	o.Lets = append(o.Lets, Let{Who: unique(who), From: o.from})
	return nil
}

// unique are the values without those that came before.
func unique(values []string) (out []string) {
	for _, v := range values {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// host are the networks of a row of InternalHosts.
func (o *openDKIM) host(h row) []string {
	text := strings.NewReplacer("[", "", "]", "").Replace(h.key)
	switch {
	case text == "localhost":
		return []string{"net:127.0.0.1", "net:::1"}
	case strings.HasPrefix(text, "!"):
		o.left(h.place, "%s takes addresses out of a network; write the networks that remain", h.key)
		return nil
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return []string{"net:" + text}
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return []string{"net:" + p.Masked().String()}
	}
	o.left(h.place, "%s is a name, which anybody can give his address in the DNS; write net: and its address", h.key)
	return nil
}

// remarks say what to look at.
func (o *openDKIM) remarks() {
	mode := strings.ToLower(cmp.Or(o.value("Mode"), "sv"))
	o.Verify = strings.Contains(mode, "v")
	o.remark("From %s. OpenDKIM signs for all who logged in and for InternalHosts, whatever of these", filepath.Base(o.file))
	o.remark("addresses they use; so do the rules. Say who may use which: see [[sign.rule]] in dnseal.toml(5).")
	if id := o.value("AuthservID"); id != "" {
		o.remark("AuthservID %s is authserv-id here; while both run each needs a name of its own.", id)
	}
	o.remark("A rule signs by S/MIME with the identity of the From address; mail of one that has none is deferred")
	o.remark("(class sign-failed), so make them first, or leave the rules out and use [dkim] alone:")
	for _, from := range o.from {
		if !strings.Contains(from, "*") {
			o.Commands = append(o.Commands, "dnseal identity new "+from)
		}
	}
	if len(o.Commands) == 0 {
		o.Commands = []string{"dnseal identity new ADDRESS"}
	}
}
