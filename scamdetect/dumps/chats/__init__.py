"""Read chat exports: WhatsApp and Telegram."""
