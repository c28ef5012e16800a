package adminapi

// Description is the API's description of itself, OpenAPI 3.1 as JSON, without examples of answers.
func Description() ([]byte, error) {
	_, api := newAPI(Config{})
	return api.MarshalJSON()
}
