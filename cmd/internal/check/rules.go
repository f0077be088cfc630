package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dnseal/cmd/internal/config"
	"dnseal/sender"
)

// rules checks that each rule leads to an identity, and names those that no rule uses.
func (k *checker) rules(names []string) {
	rules := k.config.Sign.Rules
	s, err := sender.New(k.config.SenderOptions(k.dns))
	if err != nil {
		k.wrong(k.config.At("sign"), "%v", err)
		return
	}
	uses := make([]int, len(rules))
	used := map[string]bool{}
	for _, u := range s.Uses(names) {
		uses[u.Rule-1]++
		used[u.Identity] = true
	}
	for i, r := range rules {
		at := k.config.At(fmt.Sprintf("sign.rule[%d]", i))
		if uses[i] == 0 {
			k.wrong(at, "rule %d: there is no identity in %s that it could sign with (from %s, identity %s): its mail is of class sign-failed; make one: dnseal identity new NAME", i+1, k.config.Identities, few(r.From), cmp.Or(r.Identity, sender.FromIdentity))
		} else if strings.ContainsAny(strings.Join(r.From, "")+r.Identity, "*{") {
			k.ok("rule %d (%s) leads to identities: %d", i+1, at, uses[i])
		}
	}
	k.noClients()
	if left := unused(k.config, names, used); len(left) > 0 && len(rules) > 0 {
		k.note("identities that no rule uses: %d: %s", len(left), naming(left, namesOfCause))
	}
}

// noClients names the rules for TLSA clients, where none can log in.
func (k *checker) noClients() {
	if slices.ContainsFunc(k.config.Relays, func(r config.Relay) bool { return r.Role == config.RoleSubmission && len(r.Clients) > 0 }) {
		return
	}
	for i, r := range k.config.Sign.Rules {
		if slices.ContainsFunc(r.Who, func(s string) bool { return strings.HasPrefix(s, "tls:") }) {
			k.note("rule %d (%s): no relay of role submission has clients, so tls: in its who is nobody", i+1, k.config.At(fmt.Sprintf("sign.rule[%d]", i)))
		}
	}
}
