package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dnseal/sender/identity"
)

// known reads what the inventory has: by the row where names are random, else by name.
func (e *enrolling) known() error {
	room, err := e.inv.enrolled()
	if err != nil {
		return err
	}
	e.x = newIndex(max(room, e.Expect))
	if e.hasHolders() {
		e.holders = newHolders(max(room, e.Expect))
	}
	var made []Event // by which templates
	err = e.inv.scanAt(func(at int64, ev *Event) error {
		if ev.What == MadeBy {
			made = append(made, Event{Template: ev.Template, NameKey: ev.NameKey})
		}
		if ev.isOut() && e.hasHolders() {
			e.gone.put(ev.Key, at)
		}
		if ev.What == Enrolled || ev.isOut() {
			e.know(ev)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.sameNames(made)
}

// know takes in what the inventory has of one identity.
func (e *enrolling) know(ev *Event) {
	d, row := e.digests(ev.Name, e.valuesOf(ev))
	if ev.isOut() && !e.Template.IsRandom() {
		d = digestOf(ev.Name)
	}
	at := e.x.add(d)
	e.x.apply(at, ev.What)
	if ev.What != Enrolled {
		return
	}
	e.x.rows[at], e.x.lines[at] = row, uint32(ev.Line)
	e.x.states[at] = e.x.states[at]&^isOther | e.differs(ev)
	if !e.hasHolders() {
		return
	}
	if e.PKCS11 == nil {
		key, err := strconv.ParseUint(ev.Key, 16, 64)
		if err == nil {
			e.holders.put(key, beginning(d))
		}
	} else if uri, err := e.PKCS11.expand(e.valuesOf(ev), ev.Name, e.NameKey, ""); err == nil {
		e.holders.put(keyOfURI(uri), beginning(d))
	}
}

// valuesOf are those of a row that was enrolled, by the columns of this table.
func (e *enrolling) valuesOf(ev *Event) []string {
	values := make([]string, len(e.Rows.Columns))
	for i, c := range e.Rows.Columns {
		values[i] = ev.Row[c]
	}
	return values
}

// sameNames wants the names of this table to be made as those before, so that rows are found again,
// and notes how they are made.
func (e *enrolling) sameNames(made []Event) error {
	now := Event{Template: e.Template.text}
	if e.Template.NeedsKey() {
		now.NameKey = digestOfNameKey(e.NameKey)
	}
	same := func(m Event) bool { return m.Template == now.Template && m.NameKey == now.NameKey }
	if slices.ContainsFunc(made, same) {
		return nil
	}
	if len(made) > 0 && !e.OtherNames {
		last := made[len(made)-1]
		err := fmt.Errorf("fleet: the names in %s are made by the template %q, and not by %q: every row would be enrolled again under another name", e.inv.path, clip(last.Template), clip(now.Template))
		if last.Template == now.Template {
			err = fmt.Errorf("fleet: the names in %s are made with another name key: every row would be enrolled again under another name", e.inv.path)
		}
		return identity.WithHint(err, "give the template and name key of then; for rows that are to have other names, such as those of another table, give --other-names")
	}
	now.What = MadeBy
	return e.inv.note(now)
}

// digestOfNameKey tells name keys apart; of 32 random octets it tells nothing else.
func digestOfNameKey(key []byte) string {
	sum := sha256.Sum256(append([]byte("dnseal fleet name key "), key...))
	return hex.EncodeToString(sum[:16])
}

// differs says in what a row that was enrolled is not as somebody asks for now.
func (e *enrolling) differs(ev *Event) (s state) {
	if e.Asked.TTL && ev.TTL != int64(e.TTL/time.Second) {
		s |= isOtherTTL
	}
	if e.Asked.Algorithm && ev.Algorithm != "" && ev.Algorithm != e.algorithm() {
		s |= isOtherAlgorithm
	}
	days := ev.Days
	if days == 0 && !ev.NotAfter.IsZero() {
		days = int(ev.NotAfter.Sub(ev.Time).Round(24*time.Hour) / (24 * time.Hour))
	}
	if e.Asked.Days && days != 0 && days != e.Create.Days {
		s |= isOtherDays
	}
	form := fmt.Sprintf("%d %d %d ", e.Form.Usage, e.Form.Selector, e.Form.Matching)
	if e.Asked.Form && !strings.HasPrefix(ev.Record, form) {
		s |= isOtherForm
	}
	return s
}

func (e *enrolling) algorithm() string {
	if e.Create.Algorithm == "" {
		return identity.DefaultAlgorithm
	}
	return e.Create.Algorithm
}

// plan finds the name of a row, and whether it is new.
func (e *enrolling) plan(b *batch, row Row) {
	j := job{row: row}
	if j.failure = e.name(&j); j.failure == nil {
		var there bool
		if there, j.failure = e.meet(&j); there {
			b.there++
			return
		}
	}
	b.jobs = append(b.jobs, j)
}

func (e *enrolling) name(j *job) *Failure {
	pseudonym := ""
	if e.Template.IsRandom() {
		pseudonym = newPseudonym()
	}
	text, err := e.Template.expand(j.row.Values, "", e.NameKey, pseudonym)
	if err != nil {
		return &Failure{Line: j.row.Line, Code: BadValue, Err: err}
	}
	if j.kind, j.name, err = identity.ParseName(text); err != nil {
		return &Failure{Line: j.row.Line, Code: BadName, Err: err}
	}
	if e.Raw && j.kind != identity.Mail {
		return failed(j.row.Line, BadName, "%s needs a certificate: only mail is signed by raw keys", j.name)
	}
	return nil
}

// meet notes that a row makes an identity, and reports whether it is there already.
func (e *enrolling) meet(j *job) (there bool, failure *Failure) {
	d, row := e.digests(j.name, j.row.Values)
	at := e.x.add(d)
	before, s := e.x.lines[at], e.x.states[at]
	if s&isMet != 0 {
		return false, failed(j.row.Line, Duplicate, "it makes the same identity as line %d%s", before, e.named(j))
	}
	e.x.states[at] |= isMet
	e.x.lines[at] = uint32(j.row.Line)
	switch {
	case s&isEnrolled == 0, s&isRetired != 0 && e.Template.IsRandom():
		e.x.rows[at] = row
		return false, e.holds(j, d, false)
	case s&isRetired != 0:
		return false, failed(j.row.Line, Retired, "%s was retired: a name that was in use comes back as no other device", j.name)
	case e.x.rows[at] != row:
		return false, failed(j.row.Line, Duplicate, "%s is enrolled already, for other values (line %d of the table then)", j.name, before)
	case s&isOther != 0:
		return false, e.other(j, s)
	}
	if failure = e.holds(j, d, true); failure != nil {
		return false, failure
	}
	return e.stays(j)
}

// other tells of a row that is enrolled otherwise than somebody asks for now.
func (e *enrolling) other(j *job, s state) *Failure {
	var what []string
	for _, o := range []struct {
		is   state
		text string
	}{
		{isOtherTTL, fmt.Sprintf("with another TTL than %d", int64(e.TTL/time.Second))},
		{isOtherDays, fmt.Sprintf("for another validity than %d days", e.Create.Days)},
		{isOtherAlgorithm, "with a key of another algorithm than " + e.algorithm()},
		{isOtherForm, fmt.Sprintf("with a record of another form than %d %d %d", e.Form.Usage, e.Form.Selector, e.Form.Matching)},
	} {
		if s&o.is != 0 {
			what = append(what, o.text)
		}
	}
	err := fmt.Errorf("%s is enrolled %s, and stays so", e.whose(j), strings.Join(what, ", "))
	return &Failure{Line: j.row.Line, Name: j.name, Code: Changed, Err: identity.WithHint(err, "%s", changeAdvice)}
}

const changeAdvice = "a key is replaced by dnseal identity rollover, and a record by identity publish; or retire the name and enroll the device under another; else leave the option out"

// whose is the name of a row, where the row tells it.
func (e *enrolling) whose(j *job) string {
	if e.Template.IsRandom() {
		return "this row"
	}
	return j.name
}

// hasHolders reports whether two rows can have one key: those that others made, or on a token.
func (e *enrolling) hasHolders() bool { return e.publicKey >= 0 || e.PKCS11 != nil }

// holds wants the key of a row to be no other row's, and where the row is known that of then.
func (e *enrolling) holds(j *job, d digest, known bool) (failure *Failure) {
	if !e.hasHolders() {
		return nil
	}
	key, what, failure := e.keyOf(j)
	if failure != nil {
		return failure
	}
	holder, held := e.holders.find(key)
	at, _ := e.x.findBeginning(holder)
	switch {
	case held && holder == beginning(d):
		return nil
	case held && e.x.states[at]&isRetired != 0: // of a token, where another key may be now
	case held:
		err := fmt.Errorf("%s is that of line %d of its table too: one key proves nothing of two devices", what, e.x.lines[at])
		return &Failure{Line: j.row.Line, Name: j.name, Code: Duplicate, Err: err}
	case known:
		err := fmt.Errorf("%s is enrolled with another key than %s, and stays so", e.whose(j), what)
		return &Failure{Line: j.row.Line, Name: j.name, Code: Changed, Err: identity.WithHint(err, "see which is right: a device with a new key gets a new name when this one is retired; else leave the old key in the table")}
	}
	e.holders.put(key, beginning(d))
	return nil
}

// keyOf are 64 bits by which the key of a row is known, and what it is called.
func (e *enrolling) keyOf(j *job) (key uint64, what string, failure *Failure) {
	if e.PKCS11 != nil {
		uri, err := e.PKCS11.expand(j.row.Values, j.name, e.NameKey, "")
		if err != nil {
			return 0, "", &Failure{Line: j.row.Line, Name: j.name, Code: BadValue, Err: err}
		}
		return keyOfURI(uri), "the key " + clip(uri), nil
	}
	if j.half, failure = e.half(j); failure == nil {
		failure = e.comesBack(j, j.half)
	}
	if failure != nil {
		return 0, "", failure
	}
	key, err := strconv.ParseUint(j.half.KeyID(), 16, 64)
	if err != nil {
		err = errors.New("its key has no ID")
		return 0, "", &Failure{Line: j.row.Line, Name: j.name, Code: BadKey, Err: err}
	}
	return key, "the key " + j.half.KeyID(), nil
}

// keyOfURI is the same for attributes in whatever order; what says how to get at the key does not
// count (RFC 7512, Section 2.3).
func keyOfURI(uri string) uint64 {
	path, _, _ := strings.Cut(uri, "?")
	attributes := strings.Split(path[strings.IndexByte(path, ':')+1:], ";")
	slices.Sort(attributes)
	return beginning(digestOf(strings.Join(attributes, ";")))
}

// stays reports that a row was enrolled before, and its key is not revoked since.
func (e *enrolling) stays(j *job) (there bool, failure *Failure) {
	if e.Template.IsRandom() { // its name of then is in the inventory
		return true, nil
	}
	switch revoked, err := e.inv.isRevoked(j.name); {
	case err != nil:
		return false, &Failure{Line: j.row.Line, Name: j.name, Code: Folder, Err: err}
	case revoked:
		return false, failed(j.row.Line, Retired, "the key of %s was revoked: its record stays out of the zone", j.name)
	}
	return true, nil
}

// named says the name that two rows make; random ones are none.
func (e *enrolling) named(j *job) string {
	if e.Template.IsRandom() {
		return ""
	}
	return ", " + j.name
}
