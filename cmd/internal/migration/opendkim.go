package migration

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dnseal/sender/identity"
)

// OpenDKIM reads an opendkim.conf(5), what it includes, and the SigningTable, KeyTable and
// InternalHosts that it names. Errors: those of [cli.ReadFile]; a line that is no text; more than
// five levels of Include; a file that neither signs nor verifies.
func OpenDKIM(file string) (*Rules, error) {
	rows, err := readConf(file, 0)
	if err != nil {
		return nil, err
	}
	o := openDKIM{Rules: &Rules{}, file: file, conf: map[string]row{}}
	for _, r := range rows {
		o.parameter(r)
	}
	mode := strings.ToLower(cmp.Or(o.value("Mode"), "sv"))
	o.Verify = strings.Contains(mode, "v")
	if strings.Contains(mode, "s") {
		if err := o.signing(); err != nil {
			return nil, err
		}
	}
	o.remarks()
	return o.Rules, nil
}

// maxIncludes is how deep OpenDKIM lets files include others.
const maxIncludes = 5

// readConf reads a configuration with those that it includes, in their places.
func readConf(file string, depth int) (all []row, err error) {
	if depth > maxIncludes {
		return nil, fmt.Errorf("migration: %s: Include goes deeper than %d levels", file, maxIncludes)
	}
	rows, err := readRows(file)
	for _, r := range rows {
		if !strings.EqualFold(r.key, "Include") {
			all = append(all, r)
			continue
		}
		included, failed := readConf(r.value, depth+1)
		if failed != nil {
			return nil, failed
		}
		all = append(all, included...)
	}
	return all, err
}

// parameters that the rules are made of.
var parameters = []string{
	"domain", "selector", "keyfile", "keytable", "signingtable", "internalhosts", "subdomains", "mode", "multiplesignatures", "authservid",
}

// aside are parameters about the process, its log and its ways to verify, and those that dnseal
// does in its own way whatever they say: nothing is lost without them.
var aside = []string{
	"autorestart", "autorestartcount", "autorestartrate", "background", "basedirectory", "canonicalization", "changerootdirectory", "dnstimeout",
	"enablecoredumps", "externalignorelist", "logresults", "logwhy", "maximumheaders", "milterdebug", "nameservers", "noheaderb", "oversignheaders", "pidfile",
	"quiet", "requiresafekeys", "resolverconfiguration", "signaturealgorithm", "socket", "softstart", "syslog", "syslogfacility", "syslogname",
	"syslogsuccess", "temporarydirectory", "trustanchorfile", "umask", "unboundconfigfile", "userid",
}

// parameter takes a line of the configuration; the last of a name counts.
func (o *openDKIM) parameter(r row) {
	name := strings.ToLower(r.key)
	switch {
	case slices.Contains(parameters, name):
		o.conf[name] = r
	case !slices.Contains(aside, name):
		o.left(r.place, "%s has no counterpart", cut(r.key))
	}
}

// signing finds the keys, and who may sign.
func (o *openDKIM) signing() (err error) {
	switch {
	case o.has("SigningTable") && o.has("KeyTable"):
		err = o.tables()
	case !o.has("SigningTable") && !o.has("KeyTable") && o.has("Domain") && o.has("KeyFile") && o.has("Selector"):
		err = o.oneKey()
	default:
		return fmt.Errorf("migration: %s has neither SigningTable and KeyTable nor Domain, Selector and KeyFile: it signs nothing, or is no opendkim.conf", o.file)
	}
	if err == nil {
		err = o.submitters()
	}
	return err
}

type openDKIM struct {
	*Rules
	file string
	conf map[string]row // by name of the parameter, in lower case
	from []string       // patterns of addresses that are signed
}

func (o *openDKIM) has(name string) bool { return o.value(name) != "" }

func (o *openDKIM) value(name string) string { return o.conf[strings.ToLower(name)].value }

// yes reports whether a boolean parameter is set.
func (o *openDKIM) yes(name string) bool {
	v := strings.ToLower(o.value(name))
	return v != "" && strings.ContainsRune("yt1", rune(v[0]))
}

// dataset is what a parameter names (opendkim(8), Data Sets): the rows of a file, or those of a
// list between commas. left reports that it is of a kind that is not read, which is noted without
// its value: that can have a password.
func (o *openDKIM) dataset(name string) (rows []row, patterns, left bool, err error) {
	at := o.conf[strings.ToLower(name)]
	kind, rest, found := strings.Cut(at.value, ":")
	switch kind = strings.ToLower(kind); {
	case strings.HasPrefix(at.value, "/"):
		rows, err = readRows(at.value)
	case found && (kind == "file" || kind == "refile"):
		rows, err = readRows(rest)
		patterns = kind == "refile"
	case found && kind == "csl":
		rows = values(at, rest)
	case strings.Contains(at.value, "://"), found && isWord(kind):
		o.left(at.place, "%s is in a database, a directory or a script, which is not asked; write its content as lines KEY VALUE, and name it as file:PATH", name)
		left = true
	default:
		rows = values(at, at.value)
	}
	return rows, patterns, left, err
}

// isWord reports whether text is the name of a kind of data set, and not the beginning of an
// address in IPv6.
func isWord(text string) bool {
	return len(text) > 1 && !strings.ContainsFunc(text, func(r rune) bool { return r < 'a' || r > 'z' })
}

// values are the rows of a list between commas.
func values(at row, text string) (rows []row) {
	for v := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(v), "=")
		rows = append(rows, row{at.place, key, value})
	}
	return rows
}

// remarks say what to look at.
func (o *openDKIM) remarks() {
	if id := o.value("AuthservID"); id != "" {
		o.remark("AuthservID %s is authserv-id here; while both run each needs a name of its own.", id)
	}
	if len(o.from) == 0 {
		return
	}
	o.remark("From %s. The daemon reads the keys as its own user: copy each by", filepath.Base(o.file))
	o.remark("  install -o dnseal -g dnseal -m 600 FILE /etc/dnseal/")
	o.remark("and name the copy. A key signs for its domain and the domains below it.")
	o.remark("S/MIME comes by the rule, which is a comment: mail of an address without an identity would be deferred")
	o.remark("(class sign-failed). Let it name the addresses that have one, and those who may use them: see")
	o.remark("[[sign.rule]] in dnseal.toml(5). Identities are made as the daemon's user:")
	for _, from := range o.from {
		if !strings.Contains(from, "*") {
			o.Commands = append(o.Commands, makeIdentity+identity.Quote(from))
		}
	}
	if len(o.Commands) == 0 {
		o.Commands = []string{makeIdentity + "ADDRESS"}
	}
}

const makeIdentity = "dnseal identity new --identities /var/lib/dnseal/identities "
