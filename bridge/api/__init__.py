"""
The REST API: Twilio's `Payments` resource, as its SDKs speak it.
"""
