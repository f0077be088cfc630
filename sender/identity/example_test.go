package identity_test

import (
	"fmt"
	"os"

	"dnseal/sender/identity"
)

// Create makes the key and its certificate; Record is what the DNS must hold.
func ExampleCreate() {
	dir, err := os.MkdirTemp("", "identities-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	id, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{Algorithm: "p256"})
	if err != nil {
		fmt.Println(err)
		return
	}
	owner, typ, _ := id.OwnerName()
	record, _ := id.Record(3, 1, 1)
	fmt.Println(owner)
	fmt.Println(typ, record.Usage, record.Selector, record.MatchingType, len(record.Data))
	// Output:
	// 2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db._smimecert.example.org.
	// SMIMEA 3 1 1 32
}
