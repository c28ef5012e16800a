DELETE FROM apis WHERE audience = 'urn:signet:admin';
