package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/sender/identity"
)

// publicKey is a new one, as a supplier writes it.
func publicKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// told enrolls, and returns what failed, by line and code, and the first cause.
func told(t *testing.T, inv *Inventory, opts EnrollOptions) (sum Enrollment, lines, cause string) {
	t.Helper()
	opts.Failed = func(f *Failure) {
		if lines != "" {
			lines += ", "
		} else {
			cause = f.Error() + " | " + identity.Hint(f)
		}
		lines += fmt.Sprint(f.Line, " ", f.Code)
	}
	sum, err := inv.Enroll(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return sum, lines, cause
}

// TestSupplierKeys: a key that changed, and one key of two rows, are told, in whatever run.
func TestSupplierKeys(t *testing.T) {
	t.Parallel()
	for _, template := range []string{"{serial}._device.example.net", "{random}._device.example.net"} {
		inv := newInventory(t, filepath.Join(t.TempDir(), DefaultInventory))
		a, b, c := publicKey(t), publicKey(t), publicKey(t)
		for i, run := range []struct {
			table, lines, cause string
			sum                 Enrollment
		}{
			{"a," + a + "\nb," + b + "\nx," + a, "4 duplicate", "is that of line 2 of its table too", Enrollment{Enrolled: 2, Failed: 1}},
			{"a," + a + "\nb," + c, "3 changed", "with another key than the key", Enrollment{There: 1, Failed: 1}},
			{"a," + b + "\nb," + b, "2 duplicate", "is that of line", Enrollment{There: 1, Failed: 1}},
			{"d," + b + "\ne," + c, "2 duplicate", "is that of line", Enrollment{Enrolled: 1, Failed: 1}},
		} {
			opts := options(t, "serial,key\n"+run.table+"\n", template)
			opts.PublicKeyColumn = "key"
			sum, lines, cause := told(t, inv, opts)
			if sum != run.sum || lines != run.lines || !strings.Contains(cause, run.cause) {
				t.Errorf("%s, run %d: %+v, %s, %s", template, i, sum, lines, cause)
			}
		}
	}
}

// TestEnrolledOtherwise: what somebody asks for, and a row does not have, is told.
func TestEnrolledOtherwise(t *testing.T) {
	t.Parallel()
	inv, dir := enrolled(t, 2)
	for i, run := range []struct {
		set   func(*EnrollOptions)
		cause string
	}{
		{func(*EnrollOptions) {}, ""},
		{func(o *EnrollOptions) { o.TTL = 600e9 }, ""},
		{func(o *EnrollOptions) { o.TTL, o.Asked.TTL = 600e9, true }, "with another TTL than 600, and stays so"},
		{func(o *EnrollOptions) { o.Create.Days, o.Asked.Days = 30, true }, "for another validity than 30 days"},
		{func(o *EnrollOptions) { o.Create.Algorithm, o.Asked.Algorithm = "ed25519", true }, "with a key of another algorithm than ed25519"},
		{func(o *EnrollOptions) { o.Form.Matching, o.Asked.Form = 2, true }, "with a record of another form than 3 1 2"},
		{func(o *EnrollOptions) {
			o.Create.Days, o.Asked = 3650, Asked{true, true, true, true}
		}, ""},
	} {
		opts := options(t, table(2), "{serial}.{site}._device.example.net")
		opts.Dir = dir
		run.set(&opts)
		sum, lines, cause := told(t, inv, opts)
		want, failed := Enrollment{There: 2}, ""
		if run.cause != "" {
			want, failed = Enrollment{Failed: 2}, "2 changed, 3 changed"
		}
		if sum != want || lines != failed || !strings.Contains(cause, run.cause) {
			t.Errorf("%d: %+v, %s, %s", i, sum, lines, cause)
		}
	}
}

// TestOtherNames: another template or name key is refused, unless it is meant.
func TestOtherNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	for i, run := range []struct {
		template, key string
		other         bool
		want          string
	}{
		{"{hash(serial)}._device.example.net", "key", false, ""},
		{"{hash(serial)}._device.example.net", "another", false, "made with another name key"},
		{"{serial}._device.example.net", "key", false, `made by the template "{hash(serial)}._device.example.net", and not by "{serial}`},
		{"{serial}._device.example.net", "key", true, ""},
		{"{serial}._device.example.net", "another", false, ""},
		{"{hash(serial)}._device.example.net", "key", false, ""},
	} {
		opts := options(t, "serial\na\n", run.template)
		opts.Dir, opts.NameKey, opts.OtherNames = dir, []byte(run.key), run.other
		_, err := inv.Enroll(context.Background(), opts)
		if run.want == "" && err != nil || run.want != "" && (err == nil || !strings.Contains(err.Error(), run.want) || !strings.Contains(identity.Hint(err), "--other-names")) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if s, err := inv.Status(0); err != nil || s.Active != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestHolders: keys are found again after the room has grown.
func TestHolders(t *testing.T) {
	t.Parallel()
	h := newHolders(0)
	for i := range uint64(5000) {
		h.put(i*0x9e3779b97f4a7c15, i)
	}
	for i := range uint64(5000) {
		if row, ok := h.find(i * 0x9e3779b97f4a7c15); !ok || row != max(i, 1) {
			t.Fatal(i, row, ok)
		}
	}
	if _, ok := h.find(12345); ok {
		t.Error("one that is not there")
	}
}

// TestURIs: one key on a token is of one row.
func TestURIs(t *testing.T) {
	t.Parallel()
	if keyOfURI("pkcs11:token=a;object=b?pin-value=1") != keyOfURI("pkcs11:object=b;token=a") || keyOfURI("pkcs11:token=a;object=b") == keyOfURI("pkcs11:token=a;object=c") {
		t.Error("keys are taken for others")
	}
}

// TestRetiredKey: a key that was retired comes back by no row, under no name.
func TestRetiredKey(t *testing.T) {
	t.Parallel()
	for _, templates := range [][2]string{
		{"{random}._device.example.net", "{random}._device.example.net"},
		{"{serial}._device.example.net", "{serial}.b._device.example.net"},
		{"{serial}._device.example.net", "{random}._device.example.net"},
	} {
		inv := newInventory(t, filepath.Join(t.TempDir(), DefaultInventory))
		table := "serial,key\na," + publicKey(t) + "\nb," + publicKey(t) + "\n"
		enroll := func(template string) (Enrollment, string, string) {
			opts := options(t, table, template)
			opts.PublicKeyColumn, opts.OtherNames = "key", true
			return told(t, inv, opts)
		}
		if sum, lines, _ := enroll(templates[0]); sum != (Enrollment{Enrolled: 2}) || lines != "" {
			t.Fatal(sum, lines)
		}
		name := ""
		if err := inv.Each(func(e Event) error {
			if e.Line == 2 {
				name = e.Name
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if sum, _ := retired(t, inv, RetireOptions{}, name); sum.Retired != 1 {
			t.Fatalf("%+v", sum)
		}
		for range 2 {
			sum, lines, cause := enroll(templates[1])
			if sum.Enrolled != 0 || !strings.HasPrefix(lines, "2 retired") || !strings.Contains(cause, "this key was retired as "+name) {
				t.Errorf("%q: %+v, %s, %s", templates, sum, lines, cause)
			}
		}
	}
}
