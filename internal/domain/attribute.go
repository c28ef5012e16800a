package domain

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AttributeType is what the values of an attribute are.
type AttributeType string

// The types of attribute, each with the Go type of its values.
const (
	AttributeString     AttributeType = "string"      // string
	AttributeNumber     AttributeType = "number"      // float64
	AttributeBoolean    AttributeType = "boolean"     // bool
	AttributeStringList AttributeType = "string_list" // []string
)

// AttributeTypes are all types.
var AttributeTypes = []AttributeType{AttributeString, AttributeNumber, AttributeBoolean, AttributeStringList}

// Attribute is a property that users may have, defined once for the installation.
type Attribute struct {
	ID          int64
	Name        string
	Type        AttributeType // stays what it is
	Description string
	Standard    bool   // one of StandardAttributes
	ManagedBy   string // the set of files that it comes from; empty: none
	Version     int64  // 1 at first; each update adds one
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// StandardAttribute is one that every installation has, for a claim of OpenID Connect Core §5.1.
type StandardAttribute struct {
	Name        string // that of the claim; address.x is the member x of "address" (§5.1.1)
	Type        AttributeType
	Scope       string // that asks for the claim (§5.4)
	Description string
}

// AddressPrefix begins the name of an attribute that is a member of the claim "address".
const AddressPrefix = "address."

// StandardAttributes are all of them; the migrations define them for every installation.
var StandardAttributes = []StandardAttribute{
	{"given_name", AttributeString, ScopeProfile, "Given names"},
	{"family_name", AttributeString, ScopeProfile, "Family names"},
	{"middle_name", AttributeString, ScopeProfile, "Middle names"},
	{"nickname", AttributeString, ScopeProfile, "Casual name"},
	{"profile", AttributeString, ScopeProfile, "URL of a page about the user"},
	{"picture", AttributeString, ScopeProfile, "URL of a picture of the user"},
	{"website", AttributeString, ScopeProfile, "URL of the user's own page"},
	{"gender", AttributeString, ScopeProfile, "Gender"},
	{"birthdate", AttributeString, ScopeProfile, "Birthday, as 1990-12-31, 0000-12-31 or 1990"},
	{"zoneinfo", AttributeString, ScopeProfile, "Time zone, as Europe/Zurich"},
	{"locale", AttributeString, ScopeProfile, "Language, as de-CH"},
	{"phone_number", AttributeString, ScopePhone, "Telephone number, as +41 44 123 45 67"},
	{"phone_number_verified", AttributeBoolean, ScopePhone, "The telephone number is known to be the user's"},
	{"address.formatted", AttributeString, ScopeAddress, "Postal address as on a letter"},
	{"address.street_address", AttributeString, ScopeAddress, "Street and house number of the postal address"},
	{"address.locality", AttributeString, ScopeAddress, "City or locality of the postal address"},
	{"address.region", AttributeString, ScopeAddress, "State, province or region of the postal address"},
	{"address.postal_code", AttributeString, ScopeAddress, "Postal code"},
	{"address.country", AttributeString, ScopeAddress, "Country of the postal address"},
}

// Bounds of attributes.
const (
	MaxAttributes       = 200  // that an installation defines beside the standard ones
	maxAttributeName    = 64   // bytes
	maxAttributeText    = 1000 // bytes of a string
	maxAttributeList    = 50   // strings of a list
	maxAttributeItem    = 250  // bytes of each
	MaxAttributesOfUser = 32 << 10
	maxExactNumber      = 1 << 53 // every reader of JSON keeps whole numbers up to this (RFC 8259 §6)
)

var (
	attributeName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	birthdate     = regexp.MustCompile(`^[0-9]{4}(-[0-9]{2}-[0-9]{2})?$`)
	// What users have without an attribute, and what a name must not be mistaken for.
	notAttributes = []string{"sub", "username", "preferred_username", "name", "email", "email_verified", "updated_at", "address"}
)

// CheckAttributeName checks the name of an attribute that is not a standard one. ErrInvalid if the rule is broken.
func CheckAttributeName(name string) error {
	switch {
	case len(name) > maxAttributeName || !attributeName.MatchString(name):
		return Invalid("name", RuleFormat, "attribute name %q: use 1 to %d lower-case letters, digits, _ and -, beginning with a letter", ClipText(name, 2*maxAttributeName), maxAttributeName)
	case slices.Contains(notAttributes, name):
		return Invalid("name", RuleReserved, "attribute name %q: users have this without an attribute", name)
	}
	return nil
}

// Value checks a value as it comes from JSON, and returns it in the Go type of the attribute's type. ErrInvalid if it breaks a rule.
func (a Attribute) Value(given any) (any, error) {
	wrong := func(how string, args ...any) error {
		return Invalid("attributes."+a.Name, RuleFormat, "attribute %q: %s", a.Name, fmt.Sprintf(how, args...))
	}
	switch a.Type {
	case AttributeString:
		text, ok := given.(string)
		if !ok || text == "" {
			return nil, wrong("give it a text that is not empty, or remove it")
		}
		return text, a.checkText(text)
	case AttributeNumber:
		number, ok := given.(float64)
		if !ok || math.Abs(number) > maxExactNumber { // nor NaN: JSON has none
			return nil, wrong("give it a number of at most %d", maxExactNumber)
		}
		return number, nil
	case AttributeBoolean:
		if truth, ok := given.(bool); ok {
			return truth, nil
		}
		return nil, wrong("give it true or false")
	case AttributeStringList:
		list, ok := texts(given)
		if !ok || len(list) == 0 || len(list) > maxAttributeList {
			return nil, wrong("give it a list of 1 to %d texts, or remove it", maxAttributeList)
		}
		for _, text := range list {
			if text == "" {
				return nil, wrong("a text of the list is empty")
			}
			if err := CheckText("attributes."+a.Name, "text of attribute "+a.Name, text, maxAttributeItem); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, wrong("its type %q is unknown", a.Type)
}

func texts(given any) (list []string, ok bool) {
	if list, ok = given.([]string); ok {
		return slices.Clone(list), true
	}
	elements, ok := given.([]any)
	for _, element := range elements {
		text, isText := element.(string)
		list, ok = append(list, text), ok && isText
	}
	return list, ok
}

func (a Attribute) checkText(text string) error {
	lines := text
	if a.Name == AddressPrefix+"formatted" || a.Name == AddressPrefix+"street_address" { // of several lines (OpenID Connect Core §5.1.1)
		lines = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", " "), "\n", " ")
	}
	if err := CheckText("attributes."+a.Name, "attribute "+a.Name, lines, maxAttributeText); err != nil {
		return err
	}
	if !a.Standard {
		return nil
	}
	switch a.Name {
	case "profile", "picture", "website": // applications link to them
		if u, err := url.Parse(text); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return Invalid("attributes."+a.Name, RuleFormat, "attribute %s: write a URL that begins with https:// or http://", a.Name)
		}
	case "birthdate":
		if !birthdate.MatchString(text) {
			return Invalid("attributes."+a.Name, RuleFormat, "attribute birthdate: write 1990-12-31, 0000-12-31 or 1990")
		}
	}
	return nil
}

// ParseValue reads a value from texts, of which only a list has more than one. ErrInvalid if it breaks a rule.
func (a Attribute) ParseValue(given []string) (any, error) {
	if a.Type == AttributeStringList {
		return a.Value(given)
	}
	if len(given) != 1 {
		return nil, Invalid("attributes."+a.Name, RuleFormat, "attribute %q: it has one value, and no list", a.Name)
	}
	switch text := given[0]; a.Type {
	case AttributeNumber:
		number, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(number) {
			return nil, Invalid("attributes."+a.Name, RuleFormat, "attribute %q: %q is not a number", a.Name, ClipText(text, maxAttributeItem))
		}
		return a.Value(number)
	case AttributeBoolean:
		switch text {
		case "true":
			return a.Value(true)
		case "false":
			return a.Value(false)
		}
		return nil, Invalid("attributes."+a.Name, RuleFormat, "attribute %q: it is true or false", a.Name)
	default:
		return a.Value(text)
	}
}

// AttributeTexts are the texts from which ParseValue reads a value.
func AttributeTexts(value any) []string {
	switch v := value.(type) {
	case []string:
		return v
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}
	default:
		return []string{fmt.Sprint(v)}
	}
}

// SetAttributes changes attributes of a user by name; nil removes one. A new telephone number counts as not verified, unless the
// change says that it is.
func (u *User) SetAttributes(changes map[string]any) {
	if len(changes) == 0 {
		return
	}
	before := u.Attributes
	u.Attributes = maps.Clone(before)
	if u.Attributes == nil {
		u.Attributes = map[string]any{}
	}
	maps.Copy(u.Attributes, changes)
	number, changed := changes["phone_number"]
	if _, said := changes["phone_number_verified"]; changed && !said && number != before["phone_number"] {
		delete(u.Attributes, "phone_number_verified")
	}
	maps.DeleteFunc(u.Attributes, func(_ string, value any) bool { return value == nil })
}

// ParseAttributes reads changes of attributes from texts, by name; those to remove become nil. find returns the attribute of a name, or
// its error. ErrInvalid if a text is not of the attribute's type.
func ParseAttributes(find func(name string) (Attribute, error), given map[string][]string, remove []string) (map[string]any, error) {
	changes := make(map[string]any, len(given)+len(remove))
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(given)), remove) {
		a, err := find(name)
		if err != nil {
			return nil, err
		}
		if _, twice := changes[name]; twice {
			return nil, Invalid("attributes."+name, RuleConflict, "attribute %q: it is set and removed at once", name)
		}
		if changes[name] = nil; len(given[name]) == 0 {
			continue
		}
		if changes[name], err = a.ParseValue(given[name]); err != nil {
			return nil, err
		}
	}
	return changes, nil
}
