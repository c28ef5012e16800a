package registry

import (
	"reflect"
	"slices"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
)

func TestEventsSayEachSettingOfAClientAndOfAnAPI(t *testing.T) {
	// What is no setting, or has events of its own.
	apart := []string{"ID", "ClientID", "Claims", "Secrets", "Trusts", "RegistrationTokenHash", "LastUsedAt", "ManagedBy", "DisabledAt", "DisabledReason",
		"Version", "CreatedAt", "UpdatedAt", "Audience"}
	client := reflect.TypeFor[domain.Client]()
	for i := range client.NumField() {
		var changed domain.Client
		if name := client.Field(i).Name; !slices.Contains(apart, name) {
			set(reflect.ValueOf(&changed).Elem().Field(i))
			if reflect.DeepEqual(clientDetails(changed), clientDetails(domain.Client{})) {
				t.Errorf("the events of clients do not say %s", name)
			}
		}
	}
	api := func(name string, of func(api *domain.API) reflect.Value) {
		var changed domain.API
		set(of(&changed))
		if reflect.DeepEqual(apiDetails(changed), apiDetails(domain.API{})) {
			t.Errorf("the events of APIs do not say %s", name)
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[domain.API]()) {
		if !slices.Contains(append(apart, "Encryption"), f.Name) {
			api(f.Name, func(api *domain.API) reflect.Value { return reflect.ValueOf(api).Elem().FieldByIndex(f.Index) })
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[domain.Encryption]()) {
		api(f.Name, func(api *domain.API) reflect.Value {
			return reflect.ValueOf(&api.Encryption).Elem().FieldByIndex(f.Index)
		})
	}
}

// set makes a field another than the zero of its type.
func set(field reflect.Value) {
	switch field.Kind() {
	case reflect.Bool:
		field.SetBool(true)
	case reflect.String:
		field.SetString("x")
	case reflect.Int64:
		field.SetInt(1)
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
	case reflect.Slice:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
	}
}
