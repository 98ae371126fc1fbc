"""What every request passes and every response leaves by: id, credential, budget, envelope."""
