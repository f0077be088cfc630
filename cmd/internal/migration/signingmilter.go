package migration

import (
	"slices"
	"strings"

	"dnseal/sender/identity"
)

// Tables are the files of a signing-milter, in the text form that its databases are made from.
type Tables struct {
	Signing string // -m: ADDRESS FILE-cert+key.pem
	Auth    string // -a: USER ADDRESSES; empty: none
	Mode    string // -n: RECIPIENT opaque|skip; empty: none
}

// SigningMilter reads the tables of signing-milter(8). Errors: those of [cli.ReadFile]; a line that
// is no text.
func SigningMilter(t Tables) (*Rules, error) {
	r := &Rules{}
	signing, err := readRows(t.Signing)
	if err != nil {
		return nil, err
	}
	addresses := r.signingTable(signing)
	r.remark("signing-milter takes the envelope sender for the signer, the rules here the From address.")
	if t.Auth == "" {
		r.remark("It signs for whoever uses an address of its table; the rule lets all who logged in use all of")
		r.remark("them. Say who may use which: see [[sign.rule]] in dnseal.toml(5).")
		if len(addresses) > 0 {
			r.Lets = append(r.Lets, Let{Who: []string{"user:*"}, From: addresses})
		}
	} else if err := r.authTable(t.Auth); err != nil {
		return nil, err
	}
	if t.Mode != "" {
		if err := r.modeTable(t.Mode); err != nil {
			return nil, err
		}
	}
	r.remark("Its keys become identities, made by the daemon's user, and their records are then published:")
	return r, nil
}

// signingTable adds the commands that import its keys, and returns its addresses.
func (r *Rules) signingTable(rows []row) (addresses []string) {
	const end = "-cert+key.pem"
	for _, s := range rows {
		kind, name, err := identity.ParseName(strings.Trim(s.key, "<>"))
		if err != nil || kind != identity.Mail || s.value == "" {
			r.left(s.place, "want ADDRESS FILE")
			continue
		}
		addresses = append(addresses, name)
		files := identity.Quote(s.value)
		if base, found := strings.CutSuffix(s.value, end); found && exists(base+"-chain.pem") {
			files += " " + identity.Quote(base+"-chain.pem")
		}
		r.Commands = append(r.Commands, "dnseal identity import --identities /var/lib/dnseal/identities "+identity.Quote(name)+" "+files)
	}
	return addresses
}

// authTable adds a rule for each user.
func (r *Rules) authTable(file string) error {
	rows, err := readRows(file)
	for _, a := range rows {
		from := strings.FieldsFunc(a.value, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
		from = slices.DeleteFunc(from, func(f string) bool { return !r.pattern(a.place, f) })
		if len(from) == 0 || strings.Contains(a.key, "*") {
			r.left(a.place, "want USER ADDRESS[,ADDRESS]")
			continue
		}
		r.Lets = append(r.Lets, Let{Who: []string{"user:" + a.key}, From: from})
	}
	return err
}

// modeTable adds recipients with a form of their own.
func (r *Rules) modeTable(file string) error {
	rows, err := readRows(file)
	for _, m := range rows {
		if !r.pattern(m.place, m.key) {
			continue
		}
		words := strings.FieldsFunc(strings.ToLower(m.value), func(c rune) bool { return c < 'a' || c > 'z' })
		for _, word := range words {
			switch word {
			case "opaque":
				r.OpaqueFor = append(r.OpaqueFor, m.key)
			case "skip":
				r.PlainFor = append(r.PlainFor, m.key)
			default:
				r.left(m.place, "there is no mode %s here", word)
			}
		}
	}
	return err
}
