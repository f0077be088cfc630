package migration

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// oneKey is the form with Domain, Selector and KeyFile.
func (o *openDKIM) oneKey() error {
	domains, _, left, err := o.dataset("Domain")
	if err != nil || left {
		return err
	}
	for _, d := range domains {
		domain := strings.ToLower(d.key)
		if strings.Contains(domain, "*") {
			o.left(d.place, "a pattern of domains has no key of its own; write an entry of dkim.sign for each domain")
			continue
		}
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
		o.left(s.place, "%s matches no address", cut(s.key))
		return
	}
	name, signer, _ := strings.Cut(s.value, ":")
	name = strings.TrimSpace(name)
	_, domain, _ := strings.Cut(pattern, "@")
	if name == "%" {
		name = domain
	}
	k, found := keys[name]
	switch {
	case !found:
		o.left(s.place, "there is no key %s in the KeyTable", cmp.Or(cut(name), "(none)"))
	case o.pattern(s.place, pattern) && o.tableKey(s, k, domain):
		o.address(s.place, pattern)
		if signer != "" {
			o.left(s.place, "i= is not written")
		}
	}
}

// cut is text of a table, without what is too long for a name: somebody may have put a key there.
func cut(text string) string {
	const most = 64
	if len(text) > most {
		return "(a long text)"
	}
	return text
}

// tableKey takes over a row of the KeyTable for senders of a domain, which the row s of the
// SigningTable names, and reports whether it can.
func (o *openDKIM) tableKey(s, k row, domain string) bool {
	d, rest, _ := strings.Cut(k.value, ":")
	selector, file, _ := strings.Cut(rest, ":")
	open := strings.Contains(domain, "*")
	switch {
	case d == "" || selector == "" || file == "":
		o.left(k.place, "want DOMAIN:SELECTOR:FILE as the value of %s", cut(k.key))
	case !slices.ContainsFunc([]string{"/", "./", "../"}, func(p string) bool { return strings.HasPrefix(file, p) }):
		o.left(k.place, "the private key itself stands there; write it into a file of mode 0600, and name that")
	case open && (d == "%" || strings.Contains(file, "%")):
		o.left(k.place, "%% stands for each domain that matches %s; write an entry of dkim.sign for each of them", domain)
	default:
		d = strings.ToLower(strings.ReplaceAll(d, "%", domain))
		return o.takeKey(s, Key{d, selector, strings.ReplaceAll(file, "%", domain)}, domain)
	}
	return false
}

// takeKey takes over a key for senders of a domain.
func (o *openDKIM) takeKey(s row, k Key, domain string) bool {
	if domain != k.Domain && !strings.HasSuffix(domain, "."+k.Domain) {
		o.left(s.place, "%s is signed by %s there; a key here signs for its own domain and those below it", cut(s.key), k.Domain)
		return false
	}
	another := slices.ContainsFunc(o.Keys, func(other Key) bool { return other.Domain == k.Domain && other != k })
	if another && !o.yes("MultipleSignatures") {
		o.left(s.place, "%s is signed by another key of %s there (the first row that matches counts); here all keys of a domain sign all its mail", cut(s.key), k.Domain)
		return true // the address is signed, by the first key
	}
	o.key(k)
	return true
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
	if strings.Contains(key, "*") && key != "*" && domain != "*" {
		return "" // it is looked up as it stands: only refile: has patterns
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
	if !o.has("InternalHosts") {
		o.Networks = []string{"127.0.0.1"}
	} else if hosts, _, left, err := o.dataset("InternalHosts"); err != nil {
		return err
	} else if !left {
		for _, h := range hosts {
			o.Networks = append(o.Networks, o.host(h)...)
		}
		o.Networks = unique(o.Networks)
	}
	who := []string{"user:*"}
	for _, n := range o.Networks {
		who = append(who, "net:"+n)
	}
	o.Lets, o.Later = append(o.Lets, Let{Who: who, From: o.from}), true
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
		return []string{"127.0.0.1", "::1"}
	case strings.HasPrefix(text, "!"):
		o.left(h.place, "%s takes addresses out of a network; write the networks that remain", h.key)
		return nil
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return []string{text}
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return []string{p.Masked().String()}
	}
	o.left(h.place, "%s is a name, which anybody can give his address in the DNS; write its address", h.key)
	return nil
}
