package domain

import "time"

// StatusRef is a token's entry in a status list (Token Status List §6.2).
type StatusRef struct {
	List  int64 // zero: in none
	Index int32
}

// StatusList is a list of token statuses. It expires after all of its tokens; then it is deleted.
type StatusList struct {
	ID        int64
	Size      int32 // entries
	ExpiresAt time.Time
	CreatedAt time.Time
}

// StatusLease is a range of entries of a list that only one replica allocates: From, From+1, … From+Count-1.
type StatusLease struct {
	StatusList
	From  int32
	Count int32
}

// TokenStatus is a value of a status list (Token Status List §7.1).
type TokenStatus uint8

// The statuses of a token.
const (
	StatusValid     TokenStatus = 0
	StatusInvalid   TokenStatus = 1
	StatusSuspended TokenStatus = 2
)

// StatusChange says that entries of a list got a status. Seq grows in the order of commits.
type StatusChange struct {
	Seq     int64
	List    int64
	Status  TokenStatus
	Indexes []int32
}
